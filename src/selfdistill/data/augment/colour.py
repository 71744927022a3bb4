"""Augmentations that change colours."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from ...preprocessing import Images
from ...resizing import Pixels
from .base import Augmentation, Draws, check_range

Factors = Float[Tensor, "batch 1 1 1"]
Grey = Float[Tensor, "batch 1 height width"]


@dataclass(frozen=True, kw_only=True)
class ColourJitter(Augmentation):
    """Change brightness, contrast, saturation and hue, always in this order.

    The first three multiply something by a uniform factor within 1 ± strength (never below 0):
    brightness the pixels, contrast their distance from the image's mean grey, saturation their
    distance from their own grey. Hue turns the colour wheel. After each change values are cut to
    the valid range; they are rounded once, at the end.

    Args:
        brightness: Strength, 0 or more.
        contrast: Strength, 0 or more.
        saturation: Strength, 0 or more.
        hue: The largest turn to either side as a share of the colour wheel, 0 to 0.5.

    Raises:
        ValueError: If a strength is out of range.
    """

    draws_per_image: ClassVar[int] = 4

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1

    def __post_init__(self) -> None:
        check_range(
            0, brightness=self.brightness, contrast=self.contrast, saturation=self.saturation
        )
        check_range(0, 0.5, hue=self.hue)

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Change colours; each of the four changes has a draw, from least (0) to most (1)."""
        light, contrast, colour, turn = (2 * draws - 1)[:, :, None, None, None].unbind(1)
        pixels = images.float() / 255
        pixels = (pixels * _factors(light, self.brightness)).clamp_(0, 1)
        # In two steps: threads share a sum of one image otherwise, and round it differently.
        mean = _grey(pixels).mean(3, keepdim=True).mean(2, keepdim=True)
        pixels = _blend(pixels, mean, _factors(contrast, self.contrast))
        pixels = _blend(pixels, _grey(pixels), _factors(colour, self.saturation))
        if self.hue:
            pixels = _turn(pixels, turn * self.hue)
        return pixels.mul_(255).round_().to(images.dtype)


def _factors(signed: Factors, strength: float) -> Factors:
    low = max(0.0, 1 - strength)
    return 1 + signed * strength if low else (signed + 1) * ((1 + strength) / 2)


def _grey(pixels: Images) -> Grey:
    red, green, blue = pixels.split(1, 1)
    return 0.2989 * red + 0.587 * green + 0.114 * blue


def _blend(pixels: Images, base: Grey | Factors, factors: Factors) -> Images:
    return (pixels * factors + base * (1 - factors)).clamp_(0, 1)


def _turn(pixels: Images, turns: Factors) -> Images:
    """Add to the hue, by the conversions to and from HSV."""
    red, green, blue = pixels.split(1, 1)
    high = pixels.amax(1, keepdim=True)
    chroma = high - pixels.amin(1, keepdim=True)
    divisor = chroma.clamp(min=1e-6)
    sixths = torch.where(
        high == red,
        (green - blue) / divisor,
        torch.where(high == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    wheel = sixths / 6 + turns
    shades = torch.cat([_shade(wheel + offset / 6) for offset in (5, 3, 1)], 1)
    return shades.mul_(-chroma).add_(high)


def _shade(wheel: Grey) -> Grey:
    """How far a channel is below the highest, in units of chroma, by its place on the wheel."""
    sixths = 6 * (wheel - wheel.floor())
    return torch.minimum(sixths, 4 - sixths).clamp_(0, 1)
