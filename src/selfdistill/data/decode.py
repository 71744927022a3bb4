"""From an image file to an RGB picture, alike in training, evaluation and prediction."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

DEEP_MODES = ("I", "I;16", "I;16B", "I;16L")


def decode(path: Path) -> Image.Image:
    """Read a picture as RGB: upright, over white where it is transparent, 16 bits scaled to 8.

    Of an animation the first frame is read.

    Raises:
        ValueError: If the file is no image, is damaged, or is too large to be meant.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return to_rgb(image)
    except UnidentifiedImageError:
        raise ValueError(f"{path} is no image that can be read") from None
    except Image.DecompressionBombError:
        raise ValueError(f"{path} unpacks to too many pixels to be meant") from None
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


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
