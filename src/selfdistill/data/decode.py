"""From an image file to an RGB picture, alike in training, evaluation and prediction."""

import struct
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

DEEP_MODES = ("I", "I;16", "I;16B", "I;16L")
MOST_PIXELS = 2**27
"""More than any camera's picture; what claims to be larger is refused from its header."""
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError)


def decode(path: Path) -> Image.Image:
    """Read a picture as RGB: upright, over white where it is transparent, 16 bits scaled to 8.

    Of an animation the first frame is read.

    Raises:
        ValueError: If the file is no image, is damaged, or is too large or small to be meant.
    """
    with opened(path) as image:
        return to_rgb(image)


@contextmanager
def opened(path: Path) -> Generator[Image.Image]:
    """Open and load a picture as it is stored.

    Raises:
        ValueError: As for ``decode``; the message begins with the path and a blank.
    """
    try:
        _check_file(path)
        with Image.open(path, formats=_formats()) as image:
            _check_header(image)
            image.load()
            yield image
    except UnidentifiedImageError:
        raise ValueError(f"{path} is no image that can be read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"{path} unpacks to too many pixels to be meant") from None
    except _Refusal as refusal:
        raise ValueError(f"{path} {refusal}") from None
    except (*DAMAGE, struct.error, MemoryError) as error:
        raise ValueError(f"{path} cannot be read: {_reason(error)}") from None


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any picture upright and into three channels of 8 bits."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode in DEEP_MODES:
        pixels = np.asarray(upright, dtype=np.int64)
        return Image.fromarray((pixels >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if upright.has_transparency_data:
        over = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return upright.convert("RGB")


class _Refusal(Exception):
    pass


@cache
def _formats() -> tuple[str, ...]:
    """Pictures only: some formats that the library knows are programs that it would run."""
    Image.init()
    known = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA")
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
    if image.mode == "F":
        raise _Refusal("holds fractional numbers, whose range is not known")


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
