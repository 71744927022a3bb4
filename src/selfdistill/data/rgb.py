"""Pictures of any kind as RGB: upright, over white, in 8 bits."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

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


def rgb_image(picture: object, name: str) -> Image.Image:
    """An image that is passed in Python as RGB; ``name`` is what messages call it.

    It is a PIL image, an array of bytes (height, width, and 1 or 3 channels, if any), or a tensor
    (1 or 3 channels, height, width) of bytes or of numbers in [0, 1].
    """
    if isinstance(picture, Image.Image):
        return to_rgb(picture)
    if isinstance(picture, Tensor) and picture.ndim == 3 and len(picture) in (1, 3):
        picture = picture.detach().cpu()
        if picture.is_floating_point() and picture.min() >= 0 and picture.max() <= 1:
            picture = (picture * 255).round().to(torch.uint8)
        if picture.dtype == torch.uint8:
            return Image.fromarray(picture.expand(3, -1, -1).permute(1, 2, 0).numpy())
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8:
        grey = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 1)
        if grey or (picture.ndim == 3 and picture.shape[2] == 3):
            pixels = picture.reshape(*picture.shape[:2], -1)
            return Image.fromarray(np.repeat(pixels, 3, axis=2) if grey else pixels)
    raise ValueError(
        f"{name} is neither a PIL image, nor an array of bytes (height, width, 3), nor a tensor "
        "(3, height, width) of bytes or of numbers in [0, 1]: leave standardising out"
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any picture upright and into three channels of 8 bits."""
    turn = upright_turn(image)
    upright = image if turn is None else image.transpose(turn)
    if upright.mode in DEEP_MODES:
        pixels = np.asarray(upright)
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
