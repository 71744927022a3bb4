"""Augmentations that move pixels."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import affine_grid, grid_sample

from ...resizing import Pixels
from .base import Augmentation, Draws, check_range


@dataclass(frozen=True, kw_only=True)
class Flip(Augmentation):
    """Mirror left and right.

    Args:
        probability: Share of images to mirror, 0 to 1.

    Raises:
        ValueError: If the probability is out of range.
    """

    draws_per_image: ClassVar[int] = 1

    probability: float = 0.5

    def __post_init__(self) -> None:
        check_range(0, 1, probability=self.probability)

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Mirror the images whose draw is below the probability."""
        # Copying whole images from both versions is four times faster than choosing pixel by pixel.
        mirrored = (draws[:, 0] < self.probability) * len(images)
        rows = torch.arange(len(images), device=images.device) + mirrored
        return torch.cat((images, images.flip(3))).index_select(0, rows)


@dataclass(frozen=True, kw_only=True)
class Rotation(Augmentation):
    """Turn the image about its centre by a uniform angle, bilinearly; corners become black.

    Args:
        degrees: The largest angle to either side, 0 to 180.

    Raises:
        ValueError: If the angle is outside that range.
    """

    draws_per_image: ClassVar[int] = 1
    rotates: ClassVar[bool] = True

    degrees: float = 15.0

    def __post_init__(self) -> None:
        check_range(0, 180, degrees=self.degrees)

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
