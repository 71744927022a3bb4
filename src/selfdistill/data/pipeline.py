"""Augmentations in a row, and the step from pixels to what networks are fed."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from .augment import Augmentation, Draws, Images, Pixels


class Pipeline:
    """Augmentations in their order, with standardising where pixels end.

    Args:
        steps: Those that act on pixels first.
        mean: Mean of each channel, in units of pixels in [0, 1].
        std: Standard deviation of each channel, in the same units.
        device: Where the images lie.

    Raises:
        ValueError: If a step on standardised images precedes one on pixels.

    Example:
        >>> from selfdistill.data import Flip, PadCrop
        >>> mean, std = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
        >>> pipeline = Pipeline([PadCrop(), Flip()], mean=mean, std=std)
        >>> images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
        >>> pipeline.apply(images, torch.rand(2, pipeline.columns)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        steps: Sequence[Augmentation],
        *,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        device: torch.device | str = "cpu",
    ) -> None:
        self.steps = sorted(steps, key=lambda step: step.standardised)
        if self.steps != list(steps):
            names = ", ".join(type(step).__name__ for step in steps)
            raise ValueError(
                f"{names}: list steps on pixels before those on standardised images, "
                f"as {', '.join(type(step).__name__ for step in self.steps)}"
            )
        self.mean = mean
        self.std = std
        self.columns = sum(step.columns for step in steps)
        self._coefficients = _coefficients(mean, std, device)

    def to(self, device: torch.device | str) -> "Pipeline":
        """Make the same pipeline for images on another device."""
        return Pipeline(self.steps, mean=self.mean, std=self.std, device=device)

    def apply(
        self, images: Pixels, draws: Draws
    ) -> Float[Tensor, "batch channels new_height new_width"]:
        """Augment and standardise each image by its own row of draws (channels last)."""
        shares = draws.split([step.columns for step in self.steps], 1)
        pixels = [step for step in self.steps if not step.standardised]
        for step, share in zip(pixels, shares, strict=False):
            images = step.apply(images, share)
        result = _transform(images, *self._coefficients)
        for step, share in zip(self.steps[len(pixels) :], shares[len(pixels) :], strict=True):
            result = step.apply(result, share)
        return result


def standardise(
    images: Pixels, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Images:
    """Compute ``(images / 255 - mean) / std`` in float32, channels last in memory.

    Args:
        images: Pixels, 0 to 255.
        mean: Mean of each channel, in units of pixels in [0, 1].
        std: Standard deviation of each channel, in the same units.
    """
    return _transform(images, *_coefficients(mean, std, images.device))


def _coefficients(
    mean: tuple[float, float, float], std: tuple[float, float, float], device: torch.device | str
) -> tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]]:
    scale = [1 / (255 * s) for s in std]
    shift = [-m / s for m, s in zip(mean, std, strict=True)]
    return torch.tensor(scale, device=device), torch.tensor(shift, device=device)


def _transform(
    images: Pixels, scale: Float[Tensor, " channels"], shift: Float[Tensor, " channels"]
) -> Images:
    pixels = torch.stack(images.unbind(1), -1)
    # All of an image is one axis here: an axis of three channels is too short for vector units.
    count = pixels[0, :, :, 0].numel()
    flat = pixels.flatten(1).float().mul_(scale.repeat(count)).add_(shift.repeat(count))
    return flat.view(pixels.shape).permute(0, 3, 1, 2)
