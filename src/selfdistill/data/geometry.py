"""Augmentations that move pixels."""

import math
from typing import ClassVar

import torch
from torch.nn.functional import affine_grid, grid_sample

from .augment import Augmentation, Draws, Pixels


class Rotation(Augmentation):
    """Turn the image about its centre by a uniform angle, bilinearly; corners become black.

    Args:
        degrees: The largest angle to either side, 0 to 180.

    Raises:
        ValueError: If the angle is outside that range.
    """

    columns: ClassVar[int] = 1
    rotates: ClassVar[bool] = True

    def __init__(self, *, degrees: float = 15.0) -> None:
        if not 0 <= degrees <= 180:
            raise ValueError(f"degrees {degrees} must be within 0 to 180")
        self.degrees = degrees

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Turn; the draw runs from fully clockwise (0) to fully counter-clockwise (1)."""
        height, width = images.shape[2:]
        angles = (2 * draws[:, 0] - 1) * math.radians(self.degrees)
        cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
        rows = (
            torch.stack((cosine, -sine * (height / width), zero), 1),
            torch.stack((sine * (width / height), cosine, zero), 1),
        )
        grid = affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        turned = grid_sample(images.float(), grid, align_corners=False)
        return turned.round_().to(images.dtype)
