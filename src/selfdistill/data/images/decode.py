"""From an image file to an RGB picture, alike in training, evaluation and prediction."""

import hashlib
import importlib
import io
import math
import struct
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ...limits import max_memory
from ...preprocessing import to_rgb

FORMATS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "MPO": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "PNG": ("png", "apng"),
    "WEBP": ("webp",),
    "GIF": ("gif",),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp", "dib"),
    "PPM": ("ppm", "pgm", "pbm", "pnm", "pfm"),
    "TGA": ("tga",),
    "JPEG2000": ("jp2", "j2k", "jpc", "jpf", "jpx", "j2c"),
    "AVIF": ("avif", "avifs"),
    "HEIF": ("heic", "heif", "hif"),
}
"""Endings of file names by Pillow's name of the format; some others it knows run programs."""
ENDINGS = tuple(f".{ending}" for endings in FORMATS.values() for ending in endings)
MAX_PIXELS = 40_000_000
"""Pixels that are decoded of a picture; any but a baseline JPEG is refused if it has more."""
MAX_JPEG_PIXELS = 2**27
"""Pixels of a baseline JPEG; one of more than ``MAX_PIXELS`` is decoded at half its size."""
BYTES_PER_PIXEL = 16
MEMORY_SHARE = 1 / 16
"""Of the machine's memory, for the pictures that are decoded at the same time."""
CODESTREAM = b"\xff\x4f\xff\x51"
TILE_WIDTH, TILE_HEIGHT = 322, 323
MAX_ASPECT = 20
"""Largest ratio of a picture's sides: of what is longer the centre shows next to nothing."""


def read_image(path: Path) -> Image.Image:
    """Read a file as ``read_rgb`` does; the message of its ValueError begins with the path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tags that do not matter
        try:
            return read_rgb(path)
        except ValueError as error:
            raise ValueError(f"{path} {error}") from None


def read_rgb(picture: Path | bytes) -> Image.Image:
    """Read an image as RGB: upright, over white where it is transparent, 16 bits scaled to 8.

    Of an animation the first frame is read. What is not an image, is damaged, or too large, small
    or long is a ValueError, whose message is a predicate to follow the file's name.
    """
    with open_image(picture) as image:
        return to_rgb(image)


def pixel_hash(picture: Image.Image) -> str:
    """Hash of a picture's size and pixels (hexadecimal): the same for the same decoded picture."""
    digest = hashlib.blake2b(f"{picture.mode} {picture.size}".encode(), digest_size=16)
    digest.update(picture.tobytes())
    return digest.hexdigest()


@contextmanager
def open_image(picture: Path | bytes) -> Generator[Image.Image]:
    """Open and load an image as it is stored; refuses what ``read_rgb`` refuses."""
    try:
        if isinstance(picture, Path):
            _check_file(picture)
        elif not picture:
            raise _Refusal("is empty: it has no bytes")
        stored = picture if isinstance(picture, Path) else io.BytesIO(picture)
        with Image.open(stored, formats=_formats()) as image:
            _check_header(image)
            if image.width * image.height > MAX_PIXELS:  # a baseline JPEG: others are refused
                image.draft(None, (image.width // 2, image.height // 2))
            with _pixel_budget().reserved(image.width * image.height):
                image.load()
                yield image
    except UnidentifiedImageError:
        raise ValueError(_why_unknown(picture)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(
            f"has too many pixels: save it with at most {MAX_PIXELS // 10**6} million"
        ) from None
    except _Refusal as refusal:
        raise ValueError(str(refusal)) from None
    except Exception as error:  # a decoder raises anything; no picture may end a run
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"cannot be read: {reason}") from None


class _Refusal(Exception):
    pass


@cache
def _formats() -> tuple[str, ...]:
    """Pictures only: some formats that the library knows are programs that it would run."""
    Image.init()
    with suppress(ImportError):
        importlib.import_module("pillow_heif.HeifImagePlugin")
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _check_file(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise _Refusal(f"is a link to {path.readlink()}, which does not exist")
    if path.exists() and not path.is_file():
        raise _Refusal("is no file")
    if path.stat().st_size == 0:
        raise _Refusal("is empty: it has no bytes")


class _PixelBudget:
    """Lets threads decode as many pixels at the same time as there is memory for."""

    def __init__(self, pixels: int) -> None:
        self._free = pixels
        self._change = threading.Condition()

    @contextmanager
    def reserved(self, pixels: int) -> Generator[None]:
        """Wait until there is memory for so many."""
        with self._change:
            self._change.wait_for(lambda: self._free >= pixels)
            self._free -= pixels
        try:
            yield
        finally:
            with self._change:
                self._free += pixels
                self._change.notify_all()


@cache
def _pixel_budget() -> _PixelBudget:
    pixels = round(MEMORY_SHARE * max_memory() / BYTES_PER_PIXEL)
    return _PixelBudget(max(MAX_PIXELS, pixels))


def _check_header(image: Image.Image) -> None:
    baseline = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    width, height = _decoded_size(image)
    if width * height > (MAX_JPEG_PIXELS if baseline else MAX_PIXELS):
        raise _Refusal(
            f"unpacks to {width} × {height} pixels, too many: save it with at most "
            f"{MAX_PIXELS // 10**6} million"
        )
    if max(image.size) < 2:
        raise _Refusal(f"has {image.width} × {image.height} pixels, too few for a picture")
    if max(image.size) > MAX_ASPECT * min(image.size):
        raise _Refusal(
            f"has {image.width} × {image.height} pixels: one side is more than {MAX_ASPECT} times "
            "the other"
        )
    if image.mode == "F":
        raise _Refusal("holds fractional numbers, whose range is not known")
    if image.mode == "I" and image.format == "TIFF":
        raise _Refusal("holds numbers of 32 bits, whose range is not known")


def _decoded_size(image: Image.Image) -> tuple[int, int]:
    """The size that decoding fills, where it can be another than the picture's."""
    if image.format == "TIFF":
        tags = image.tag_v2  # pyright: ignore[reportAttributeAccessIssue]
        tile = (int(tags.get(TILE_WIDTH, 0)), int(tags.get(TILE_HEIGHT, 0)))
        return max(image.size, tile, key=math.prod)
    if image.format == "JPEG2000":
        return max(image.size, _codestream_size(image), key=math.prod)
    return image.size


def _codestream_size(image: Image.Image) -> tuple[int, int]:
    """Width and height in a JPEG 2000 codestream, which is what decoding fills.

    More than four channels count as height.
    """
    file, start = image.fp, 0  # pyright: ignore[reportAttributeAccessIssue]
    assert file is not None
    back = file.tell()
    while True:
        file.seek(start)
        head = file.read(16)
        if head[:4] == CODESTREAM:
            break
        length = int.from_bytes(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4])
        inside = 16 if head[:4] == b"\0\0\0\1" else 8
        if len(head) < 16 or (length < 8 and head[4:8] != b"jp2c"):
            raise _Refusal("is a JPEG 2000 file without a picture")
        start += inside if head[4:8] == b"jp2c" else length
    file.seek(start + len(CODESTREAM))
    _, _, right, bottom, left, top, *_, channels = struct.unpack(">HHIIIIIIIIH", file.read(38))
    file.seek(back)
    return max(0, right - left), max(0, bottom - top) * max(1, channels // 4)


def _why_unknown(picture: Path | bytes) -> str:
    if isinstance(picture, Path):
        with picture.open("rb") as file:
            start = file.read(12)
    else:
        start = picture[:12]
    if start[4:8] == b"ftyp" and start[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "is HEIC: pip install pillow-heif, or save it as JPEG"
    return "is no image that can be read"
