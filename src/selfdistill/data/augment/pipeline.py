"""Augmentations in a row, and the step from pixels to what networks are fed."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...preprocessing import Pixels, Preprocessing, affine
from .base import Augmentation, Draws


class Pipeline:
    """Augmentations in their order, with standardising where pixels end.

    Args:
        steps: Those that act on pixels first.
        preprocessing: How images are standardised, and which size steps that change it yield.
        device: Where the images lie.

    Raises:
        ValueError: If a step on standardised images precedes one on pixels.

    Example:
        >>> from selfdistill.data import Flip, PadCrop
        >>> preprocessing = Preprocessing((32, 32), mean=(0.5,) * 3, std=(0.25,) * 3)
        >>> pipeline = Pipeline([PadCrop(), Flip()], preprocessing)
        >>> images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
        >>> pipeline.apply(images, torch.rand(2, pipeline.columns)).shape
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
                f"{names}: list steps on pixels before those on standardised images, "
                f"as {', '.join(type(step).__name__ for step in in_order)}"
            )
        self.steps = [step.sized(preprocessing.size[0]) for step in steps]
        self.preprocessing = preprocessing
        self.columns = sum(step.columns for step in steps)
        self._coefficients = preprocessing.coefficients(device)

    def to(self, device: torch.device | str) -> "Pipeline":
        """Make the same pipeline for images on another device."""
        return Pipeline(self.steps, self.preprocessing, device=device)

    def apply(
        self, images: Pixels, draws: Draws
    ) -> Float[Tensor, "batch channels new_height new_width"]:
        """Augment each image by its own row of draws, then standardise; channels last in memory."""
        own_draws = draws.split([step.columns for step in self.steps], 1)
        pixels = [step for step in self.steps if not step.standardised]
        for step, own in zip(pixels, own_draws, strict=False):
            images = step.apply(images, own)
        result = affine(images, *self._coefficients)
        for step, own in zip(self.steps[len(pixels) :], own_draws[len(pixels) :], strict=True):
            result = step.apply(result, own)
        return result
