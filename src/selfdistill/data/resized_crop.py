"""Random crops scaled to one size, for pictures that are larger than what a network sees."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from .augment import Augmentation, Draws, Pixels


class RandomResizedCrop(Augmentation):
    r"""Cut a box of random area and proportions and scale it to a square.

    The area is uniform within ``scale``. The logarithm of width over height is uniform within those
    ``ratio`` for which a box of that area fits into the image; the place is uniform.

    Each output pixel is a mean under a triangle of half-width $\max(1, s)$, with $s$ the length of
    box per pixel of output, along each axis: what is scaled down is antialiased, as torchvision's
    ``resized_crop(…, antialias=True)`` does.

    Deviations: torchvision draws boxes until one fits, at most ten times, and rounds them to whole
    pixels; here none is drawn in vain, and boxes begin and end anywhere.

    Args:
        size: Height and width of the result, in pixels, at least 1; None for what the network
            sees, which :meth:`sized` settles.
        scale: Smallest and largest area of the box, as a share of the image; above 0, at most 1.
        ratio: Smallest and largest width over height of the box; above 0.

    Raises:
        ValueError: If size, scale or ratio are out of range.
    """

    columns: ClassVar[int] = 4

    def __init__(
        self,
        *,
        size: int | None = None,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        if size is not None and size < 1:
            raise ValueError(f"size {size} must be at least 1 pixel")
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"scale {scale} must rise from above 0 to at most 1")
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f"ratio {ratio} must rise from above 0")
        self.size = size
        self.scale = scale
        self.ratio = ratio

    def sized(self, size: int) -> "RandomResizedCrop":
        """Scale boxes to ``size``, unless a size was given."""
        return RandomResizedCrop(size=self.size or size, scale=self.scale, ratio=self.ratio)

    def apply(self, images: Pixels, draws: Draws) -> UInt8[Tensor, "batch channels size size"]:
        """Crop; the draws decide area, proportions, place from the top and from the left."""
        assert self.size is not None, "sized() says what the network sees"
        height, width = images.shape[2:]
        tall, wide = self._sides(draws[:, 0], draws[:, 1], height, width)
        rows = _weights((height - tall) * draws[:, 2], tall, height, self.size)
        columns = _weights((width - wide) * draws[:, 3], wide, width, self.size)
        return _weighted(images, rows, columns)

    def _sides(
        self, area: Float[Tensor, " batch"], shape: Float[Tensor, " batch"], height: int, width: int
    ) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        share = self.scale[0] + (self.scale[1] - self.scale[0]) * area
        # Of one area, boxes wider than the image begin at this ratio, taller ones end at that one.
        widest = (width / height / share).log()
        tallest = (width / height * share).log()
        low, high = (math.log(bound) for bound in self.ratio)
        low, high = tallest.clamp(low, high), widest.clamp(low, high)
        root = ((low + (high - low) * shape) / 2).exp()
        side = (share * height * width).sqrt()
        return (side / root).clamp(max=height), (side * root).clamp(max=width)


def as_evaluated(images: Pixels, size: int) -> UInt8[Tensor, "batch channels size size"]:
    """What evaluation shows of images that are kept larger than the network sees.

    Their central square; but all of images that are whole multiples as large, shrunk: these are
    kept so for training's random crops alone, and a crop of all of one is the same picture.

    Raises:
        ValueError: If they are smaller.
    """
    height, width = images.shape[2:]
    if min(height, width) < size:
        raise ValueError(f"images of {height} × {width} pixels hold no square of {size}")
    if height == width and height % size == 0:
        return shrunk(images, size)
    top, left = (height - size) // 2, (width - size) // 2
    return images[:, :, top : top + size, left : left + size]


def shrunk(images: Pixels, size: int) -> UInt8[Tensor, "batch channels size size"]:
    """Whole square images scaled to ``size``, as :class:`RandomResizedCrop` scales its boxes."""
    side = images.shape[2]
    if side == size:
        return images
    whole = torch.tensor([float(side)], device=images.device)
    weights = _weights(torch.zeros_like(whole), whole, side, size)
    return _weighted(images, weights, weights)


def _weighted(
    images: Pixels,
    rows: Float[Tensor, "_ size height"],
    columns: Float[Tensor, "_ size width"],
) -> UInt8[Tensor, "batch channels size size"]:
    # An autocast around this would round the pixels to fewer than their eight bits.
    with torch.autocast(images.device.type, enabled=False):
        scaled = rows[:, None] @ (images.float() @ columns[:, None].mT)
    return scaled.round_().clamp_(0, 255).to(images.dtype)


def _weights(
    first: Float[Tensor, " batch"], length: Float[Tensor, " batch"], source: int, size: int
) -> Float[Tensor, "batch size source"]:
    """How much each source pixel of a line counts in each pixel of the result; rows sum to 1."""
    step = (length / size)[:, None, None]
    centres = first[:, None, None] + (torch.arange(size, device=first.device)[:, None] + 0.5) * step
    distances = (torch.arange(source, device=first.device) + 0.5 - centres).abs_()
    # What lies outside the box is no part of the crop, however near.
    last = (first + length)[:, None, None]
    positions = torch.arange(source, device=first.device) + 0.5
    inside = (positions > first[:, None, None] - 0.5) & (positions < last + 0.5)
    weights = (1 - distances / step.clamp(min=1)).clamp_(min=0) * inside
    return weights / weights.sum(2, keepdim=True)
