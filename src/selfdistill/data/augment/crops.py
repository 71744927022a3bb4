"""Random crops: of the old size out of a padded image, or of any size, scaled to one."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import pad

from ...resizing import Pixels, Size, box_weights, resample
from .base import Augmentation, Draws, check_range, check_rising, integers

TRIES = 10
"""Boxes that torchvision draws before it takes the centre."""
POINTS = 4097
"""Areas at which the share of fitting ratios is computed."""
QUANTILES = 1025

Lengths = Float[Tensor, " batch"]


@dataclass(frozen=True, kw_only=True)
class PadCrop(Augmentation):
    """Pad on all sides and cut a window of the old size at a uniform place.

    Args:
        padding: Pixels on each side; with ``reflect`` less than the image's height and width.
        mode: ``constant`` pads with ``fill``, ``reflect`` mirrors the image at its border pixels.
        fill: The pixel value to pad with, 0 to 255.

    Raises:
        ValueError: If padding or fill are out of range.
    """

    draws_per_image: ClassVar[int] = 2

    padding: int = 4
    mode: Literal["constant", "reflect"] = "constant"
    fill: int = 0

    def __post_init__(self) -> None:
        check_range(0, padding=self.padding)
        check_range(0, 255, fill=self.fill)

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Crop; the first draw places the window vertically, the second horizontally.

        Raises:
            ValueError: If the images are too small to be mirrored that far.
        """
        batch, channels, height, width = images.shape
        padded = self._pad(images)
        top, left = integers(draws, 2 * self.padding + 1).unbind(1)
        # Windows at every place in memory are one view; those that are cut are copied out of it.
        plane, line = padded[0, 0].numel(), padded.shape[3]
        count = padded.numel() - ((height - 1) * line + width) + 1
        windows = padded.flatten().as_strided((count, height, width), (1, line, 1))
        planes = torch.arange(batch * channels, device=images.device).view(batch, channels)
        starts = planes * plane + (top * line + left)[:, None]
        return windows.index_select(0, starts.flatten()).view(images.shape)

    def _pad(self, images: Pixels) -> UInt8[Tensor, "batch channels taller wider"]:
        if self.mode == "constant":
            return pad(images, (self.padding,) * 4, value=self.fill)
        if self.padding >= min(images.shape[2:]):
            raise ValueError(
                f"padding {self.padding} cannot mirror images of {tuple(images.shape[2:])} pixels: "
                "choose one smaller than both sides"
            )
        # Not torch's own reflection: it lacks bytes on some devices.
        for axis in (2, 3):
            inner = images.shape[axis] - 1 - self.padding
            before = images.narrow(axis, 1, self.padding).flip(axis)
            after = images.narrow(axis, inner, self.padding).flip(axis)
            images = torch.cat((before, images, after), axis)
        return images


@dataclass(frozen=True, kw_only=True)
class RandomResizedCrop(Augmentation):
    r"""Cut a box of random area and proportions and scale it to a square.

    Boxes are distributed as torchvision's: area and logarithm of width over height are uniform
    within ``scale`` and ``ratio`` among the pairs whose box, rounded to whole pixels, fits into the
    image, which makes large areas rarer; the place is uniform. Where hardly a pair fits, the box is
    often the largest in the centre with the nearest ratio.

    Each output pixel is a mean under a triangle of half-width $\max(1, s)$, with $s$ the length of
    box per pixel of output, along each axis: what is scaled down is antialiased, as torchvision's
    ``resized_crop(…, antialias=True)`` does.

    Deviations: torchvision draws pairs until one fits, at most ten times; here one draw is put
    through the inverse of the distribution that this gives.

    Args:
        size: Height and width of the result, in pixels, at least 1, one number for squares; None
            for the size that the network takes.
        scale: Smallest and largest area of the box, as a share of the image; above 0, at most 1.
        ratio: Smallest and largest width of the box divided by its height, of results that are not
            square as multiples of their own; above 0.

    Raises:
        ValueError: If size, scale or ratio are out of range.
    """

    draws_per_image: ClassVar[int] = 4

    size: int | Size | None = None
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        if self.size is not None:
            check_range(1, size=self.size if isinstance(self.size, int) else min(self.size))
        check_rising(1, scale=self.scale)
        check_rising(ratio=self.ratio)

    def sized(self, size: int | Size) -> "RandomResizedCrop":
        """The same crop, which scales to ``size`` unless it has a size of its own."""
        return replace(self, size=self.size or size)

    def apply(
        self, images: Pixels, draws: Draws
    ) -> UInt8[Tensor, "batch channels new_height new_width"]:
        """Crop; the draws decide area, proportions, place from the top and from the left."""
        assert self.size is not None, "sized() says what the network sees"
        height, width = images.shape[2:]
        rows, columns = (self.size,) * 2 if isinstance(self.size, int) else self.size
        top, left, tall, wide = self.boxes(draws, height, width)
        return resample(
            images, box_weights(top, tall, height, rows), box_weights(left, wide, width, columns)
        )

    def boxes(
        self, draws: Draws, height: int, width: int
    ) -> tuple[Lengths, Lengths, Lengths, Lengths]:
        """Top, left, height and width of each image's box, in whole pixels."""
        area, shape, down, across = draws.unbind(1)
        rows, columns = self.size if isinstance(self.size, tuple) else (1, 1)
        ratio = (self.ratio[0] * columns / rows, self.ratio[1] * columns / rows)
        abandoned, _ = _areas(self.scale, ratio, height, width)
        # The lowest draws stand for the images that torchvision gives up on.
        central = area < abandoned
        step = (area - abandoned).clamp(min=0) * ((QUANTILES - 1) / max(1 - abandoned, 1e-9))
        index = step.long().clamp(max=QUANTILES - 2)
        known = _on_device(self.scale, ratio, height, width, draws.dtype, draws.device)
        share = torch.lerp(known[index], known[index + 1], step - index)
        low, high = _ratios(share.log(), ratio, height, width)
        root = ((low + (high - low) * shape) / 2).exp()
        side = (share * height * width).sqrt()
        tallest = float(min(height, round(width / ratio[0])))
        widest = float(min(width, round(height * ratio[1])))
        tall = torch.where(central, tallest, (side / root).round().clamp(1, height))
        wide = torch.where(central, widest, (side * root).round().clamp(1, width))
        above, beside = height - tall, width - wide
        top = torch.where(central, above / 2, down * (above + 1)).floor().minimum(above)
        left = torch.where(central, beside / 2, across * (beside + 1)).floor().minimum(beside)
        return top, left, tall, wide


@lru_cache(maxsize=16)
def _areas(
    scale: tuple[float, float], ratio: tuple[float, float], height: int, width: int
) -> tuple[float, np.ndarray]:
    """How often no pair fits in all tries, and evenly spaced quantiles of the area otherwise."""
    areas = np.linspace(*scale, POINTS)
    low, high = _ratios(torch.from_numpy(np.log(areas)), ratio, height, width)
    span = math.log(ratio[1] / ratio[0])
    fitting = (high - low).clamp(min=0) / span if span > 0 else (high >= low).double()
    cells = (fitting[1:] + fitting[:-1]).numpy() / 2
    accepted = np.concatenate([[0.0], cells.cumsum()]) / len(cells)
    if accepted[-1] == 0:
        return 1.0, np.full(QUANTILES, scale[0])
    table = np.interp(np.linspace(0, accepted[-1], QUANTILES), accepted, areas)
    return (1 - accepted[-1].item()) ** TRIES, table


@lru_cache(maxsize=16)
def _on_device(
    scale: tuple[float, float],
    ratio: tuple[float, float],
    height: int,
    width: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Float[Tensor, " quantiles"]:
    """The quantiles of the area, copied once: a copy in each step would wait for the device."""
    _, table = _areas(scale, ratio, height, width)
    return torch.as_tensor(table, dtype=dtype, device=device)


def _ratios(
    log_area: Float[Tensor, " areas"], ratio: tuple[float, float], height: int, width: int
) -> tuple[Float[Tensor, " areas"], Float[Tensor, " areas"]]:
    """Logarithms of the least and the largest ratio with which boxes, once rounded, fit."""
    log_area = log_area + math.log(height * width)
    tallest = log_area - 2 * math.log(height + 0.5)
    widest = 2 * math.log(width + 0.5) - log_area
    return tallest.clamp(min=math.log(ratio[0])), widest.clamp(max=math.log(ratio[1]))
