"""From an image file to an RGB picture, alike in training, evaluation and prediction."""

import importlib
import io
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

ORIENTATION = 0x0112
TURNS = (
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)
"""What turns a picture upright, for the EXIF orientations 2 to 8."""
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L")
MOST_PIXELS = 2**27
"""More than any camera's picture; what claims to be larger is refused from its header."""
LONGEST = 20
"""Largest ratio of a picture's sides: of what is longer the centre shows next to nothing."""


def decode(path: Path) -> Image.Image:
    """Read a file as ``rgb`` does.

    Raises:
        ValueError: As for ``rgb``; the message begins with the path.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tags that do not matter
        try:
            return rgb(path)
        except ValueError as error:
            raise ValueError(f"{path} {error}") from None


def rgb(picture: Path | bytes) -> Image.Image:
    """Read a picture as RGB: upright, over white where it is transparent, 16 bits scaled to 8.

    Of an animation the first frame is read.

    Raises:
        ValueError: If it is no image, is damaged, or is too large, small or long to be meant; the
            message is what a sentence about it goes on with.
    """
    with opened(picture) as image:
        return to_rgb(image)


@contextmanager
def opened(picture: Path | bytes) -> Generator[Image.Image]:
    """Open and load a picture as it is stored.

    Raises:
        ValueError: As for ``rgb``.
    """
    try:
        if isinstance(picture, Path):
            _check_file(picture)
        elif not picture:
            raise _Refusal("is empty: it has no bytes")
        stored = picture if isinstance(picture, Path) else io.BytesIO(picture)
        with Image.open(stored, formats=_formats()) as image:
            _check_header(image)
            image.load()
            yield image
    except UnidentifiedImageError:
        raise ValueError(_unknown(picture)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError("unpacks to too many pixels to be meant") from None
    except _Refusal as refusal:
        raise ValueError(str(refusal)) from None
    except Exception as error:  # a decoder raises anything; no picture may end a run
        raise ValueError(f"cannot be read: {_reason(error)}") from None


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any picture upright and into three channels of 8 bits."""
    turn = upright_turn(image)
    upright = image if turn is None else image.transpose(turn)
    if upright.mode in DEEP_MODES:
        pixels = np.asarray(upright, dtype=np.int64)
        return Image.fromarray((pixels >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if upright.has_transparency_data:
        over = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return upright.convert("RGB")


def upright_turn(image: Image.Image) -> Image.Transpose | None:
    """How a picture is to be turned by its EXIF orientation; None if it is upright.

    The other EXIF tags are left alone: writing them again, as Pillow's own ``exif_transpose`` does,
    fails where one has an unexpected type. What cannot be read counts as upright.
    """
    try:
        orientation = image.getexif().get(ORIENTATION)
    except Exception:  # whatever a damaged tag makes Pillow raise: the pixels are sound
        return None
    if isinstance(orientation, int) and 2 <= orientation <= 8:
        return TURNS[orientation - 2]
    return None


class _Refusal(Exception):
    pass


@cache
def _formats() -> tuple[str, ...]:
    """Pictures only: some formats that the library knows are programs that it would run."""
    Image.init()
    known = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA")
    with suppress(ImportError):
        importlib.import_module("pillow_heif.HeifImagePlugin")
        known += ("HEIF",)
    return tuple(name for name in known if name in Image.OPEN)


def _check_file(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise _Refusal(f"is a link to {path.readlink()}, which does not exist")
    if path.exists() and not path.is_file():
        raise _Refusal("is no file")
    if path.stat().st_size == 0:
        raise _Refusal("is empty: it has no bytes")


def _check_header(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _Refusal(f"unpacks to {image.width} × {image.height} pixels, too many to be meant")
    if max(image.size) < 2:
        raise _Refusal(f"has {image.width} × {image.height} pixels, too few for a picture")
    if max(image.size) > LONGEST * min(image.size):
        raise _Refusal(
            f"has {image.width} × {image.height} pixels: one side is more than {LONGEST} times "
            "the other"
        )
    if image.mode == "F":
        raise _Refusal("holds fractional numbers, whose range is not known")
    if image.mode == "I" and image.format == "TIFF":
        raise _Refusal("holds numbers of 32 bits, whose range is not known")


def _unknown(picture: Path | bytes) -> str:
    if isinstance(picture, Path):
        with picture.open("rb") as file:
            start = file.read(12)
    else:
        start = picture[:12]
    if start[4:8] == b"ftyp" and start[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "is HEIC: pip install pillow-heif, or save it as JPEG"
    return "is no image that can be read"


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
