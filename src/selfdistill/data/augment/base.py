"""Batched augmentations, pure functions of images and of uniform draws, and pipelines of them."""

import abc
import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ...preprocessing import Images, Preprocessing, affine
from ...resizing import Pixels, Size

Draws = Float[Tensor, "batch draws"]


class Augmentation(abc.ABC):
    """A random change of images; uniform draws in [0, 1) alone decide what becomes of them."""

    draws_per_image: ClassVar[int]
    """How many draws an image needs."""
    standardised: ClassVar[bool] = False
    """Whether it acts on standardised images (floats) instead of pixels (uint8)."""
    rotates: ClassVar[bool] = False
    """Whether it may turn an image: methods that learn to tell rotations apart refuse it then."""

    @abc.abstractmethod
    def apply(self, images: Pixels | Images, draws: Draws) -> Pixels | Images:
        """Change each image by its own row of draws."""

    def sized(self, size: int | Size) -> "Augmentation":
        """The same augmentation for a network that sees images of that height and width.

        One that brings images to a size of its own overrides this: it is given images as they are
        stored, larger perhaps than the network sees; all others, what evaluation shows of them.
        ``size`` is one number for squares, else height and width.
        """
        del size
        return self


class Pipeline:
    """Augmentations in their order; images are standardised after the last one on pixels.

    Args:
        steps: In order: all that act on pixels come before all that act on standardised images.
        preprocessing: How images are standardised, and the size that crops scale them to.
        device: Where the images lie.

    Raises:
        ValueError: If a step on standardised images precedes one on pixels.

    Examples:
        >>> from selfdistill.data import Flip, PadCrop
        >>> preprocessing = Preprocessing((32, 32), mean=(0.5,) * 3, std=(0.25,) * 3)
        >>> pipeline = Pipeline([PadCrop(), Flip()], preprocessing)
        >>> images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
        >>> pipeline.apply(images, torch.rand(2, pipeline.draws_per_image)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        steps: Sequence[Augmentation],
        preprocessing: Preprocessing,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        in_order = sorted(steps, key=lambda step: step.standardised)
        if in_order != list(steps):
            names = ", ".join(type(step).__name__ for step in steps)
            raise ValueError(
                f"{names}: give the list in order, changes of pixels before those of standardised "
                f"images, as {', '.join(type(step).__name__ for step in in_order)}"
            )
        height, width = preprocessing.size
        self.steps = [step.sized(height if height == width else (height, width)) for step in steps]
        self._resizes = any(type(step).sized is not Augmentation.sized for step in steps)
        self.preprocessing = preprocessing
        self.draws_per_image = sum(step.draws_per_image for step in steps)
        self._coefficients = preprocessing.coefficients(device)

    def to(self, device: torch.device | str) -> "Pipeline":
        """Make the same pipeline for images on another device."""
        return Pipeline(self.steps, self.preprocessing, device=device)

    def apply(
        self, images: Pixels, draws: Draws
    ) -> Float[Tensor, "batch channels new_height new_width"]:
        """Augment each image by its own row of draws, then standardise; channels last in memory."""
        rows = iter(draws.split([step.draws_per_image for step in self.steps], 1))
        height, width = self.preprocessing.size
        if not self._resizes and images.shape[2] >= height and images.shape[3] >= width:
            images = self.preprocessing.center(images)
        for step in self.steps:
            if not step.standardised:
                images = step.apply(images, next(rows))
        result = affine(images, *self._coefficients)
        for step in self.steps:
            if step.standardised:
                result = step.apply(result, next(rows))
        return result


def check_range(least: int | float, most: int | float = math.inf, **values: int | float) -> None:
    """Refuse the first value that is out of range, by its name."""
    for name, value in values.items():
        if not least <= value <= most or value == math.inf:
            span = f"at least {least}" if most == math.inf else f"within {least} to {most}"
            raise ValueError(f"{name} {value} must be {span}")


def check_rising(most: int | float = math.inf, **spans: tuple[float, float]) -> None:
    """Refuse the first pair that does not rise from above 0, by its name."""
    for name, (low, high) in spans.items():
        if not 0 < low <= high <= most or high == math.inf:
            top = "" if most == math.inf else f" to at most {most}"
            raise ValueError(f"{name} {(low, high)} must rise from above 0{top}")


def integers(
    draws: Float[Tensor, "*shape"], count: int | Int64[Tensor, "*shape"]
) -> Int64[Tensor, "*shape"]:
    """Turn uniform draws in [0, 1] into uniform integers from 0 to ``count - 1``."""
    return (draws * count).long().clamp(max=count - 1)


def within(
    first: Int64[Tensor, " batch"], length: int | Int64[Tensor, " batch"], size: int
) -> Bool[Tensor, "batch size"]:
    """Which of ``size`` positions lie among ``length`` from the first on."""
    positions = torch.arange(size, device=first.device)
    return (positions >= first[:, None]) & (positions < (first + length)[:, None])
