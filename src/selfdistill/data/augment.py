"""Batched augmentation: pure functions of images and of one row of uniform draws an image."""

import abc
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import pad

Pixels = UInt8[Tensor, "batch channels height width"]
Images = Float[Tensor, "batch channels height width"]
Draws = Float[Tensor, "batch columns"]


class Augmentation(abc.ABC):
    """A random change of images, decided by uniform draws in [0, 1) alone."""

    columns: ClassVar[int]
    """Draws needed for an image."""
    standardised: ClassVar[bool] = False
    """Whether it acts on standardised images, not on pixels."""
    graphable: ClassVar[bool] = True
    """Whether it never waits for the device, so that a device graph can hold it."""
    rotates: ClassVar[bool] = False
    """Whether it may turn an image, which networks that tell rotations apart must not meet."""

    @abc.abstractmethod
    def apply(self, images: Pixels | Images, draws: Draws) -> Pixels | Images:
        """Change each image by its own row of draws."""

    def sized(self, size: int) -> "Augmentation":
        """The same augmentation for a network that sees images of that height and width."""
        del size
        return self


class PadCrop(Augmentation):
    """Pad on all sides and cut a window of the old size at a uniform place.

    Args:
        padding: Pixels on each side; with ``reflect`` less than the image's height and width.
        mode: ``constant`` pads with ``fill``, ``reflect`` mirrors the image at its border pixels.
        fill: The pixel value to pad with, 0 to 255.

    Raises:
        ValueError: If padding or fill are out of range.
    """

    columns: ClassVar[int] = 2

    def __init__(
        self,
        *,
        padding: int = 4,
        mode: Literal["constant", "reflect"] = "constant",
        fill: int = 0,
    ) -> None:
        if padding < 0 or not 0 <= fill <= 255:
            raise ValueError(f"padding {padding} must be 0 or more and fill {fill} within 0 to 255")
        self.padding = padding
        self.mode: Literal["constant", "reflect"] = mode
        self.fill = fill

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Crop; the first draw places the window vertically, the second horizontally.

        Raises:
            ValueError: If the images are too small to be mirrored that far.
        """
        batch, channels, height, width = images.shape
        padded = self._pad(images)
        top, left = integers(draws, 2 * self.padding + 1).unbind(1)
        # A window is copied row by row, each row as one block of memory.
        planes = torch.arange(batch * channels, device=images.device).view(batch, channels, 1)
        lines = top[:, None] + torch.arange(height, device=images.device)
        starts = planes * padded[0, 0].numel() + (lines * padded.shape[3] + left[:, None])[:, None]
        rows = padded.flatten().unfold(0, width, 1)
        return rows.index_select(0, starts.flatten()).view(images.shape)

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


class Flip(Augmentation):
    """Mirror left and right.

    Args:
        probability: Share of images to mirror, 0 to 1.

    Raises:
        ValueError: If the probability is none.
    """

    columns: ClassVar[int] = 1

    def __init__(self, *, probability: float = 0.5) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability {probability} must be within 0 to 1")
        self.probability = probability

    def apply(self, images: Pixels, draws: Draws) -> Pixels:
        """Mirror the images whose draw is below the probability."""
        # Copying whole images from both versions is four times faster than choosing pixel by pixel.
        mirrored = (draws[:, 0] < self.probability) * len(images)
        rows = torch.arange(len(images), device=images.device) + mirrored
        return torch.cat((images, images.flip(3))).index_select(0, rows)


class Cutout(Augmentation):
    """Blank one square with the mean: zero, once standardised.

    Its centre is uniform over all pixels; what lies beyond the border is lost.

    Args:
        length: Side of the square in pixels; at least 1.

    Raises:
        ValueError: If the length is smaller.

    Reference:
        DeVries & Taylor, Improved Regularization of Convolutional Neural Networks with Cutout,
        arXiv 1708.04552, 2017.
    """

    columns: ClassVar[int] = 2
    standardised: ClassVar[bool] = True

    def __init__(self, *, length: int = 16) -> None:
        if length < 1:
            raise ValueError(f"length {length} must be at least 1")
        self.length = length

    def apply(self, images: Images, draws: Draws) -> Images:
        """Blank; the first draw places the centre's row, the second its column."""
        rows = self._covered(draws[:, 0], images.shape[2])
        columns = self._covered(draws[:, 1], images.shape[3])
        # A product keeps the memory layout; filling by a mask does not.
        return images * ~(rows[:, None, :, None] & columns[:, None, None, :])

    def _covered(self, draws: Float[Tensor, " batch"], size: int) -> Bool[Tensor, "batch size"]:
        first = integers(draws, size)[:, None] - self.length // 2
        positions = torch.arange(size, device=draws.device)
        return (positions >= first) & (positions < first + self.length)


def integers(draws: Float[Tensor, "*shape"], count: int) -> Int64[Tensor, "*shape"]:
    """Turn uniform draws in [0, 1] into uniform integers from 0 to ``count - 1``."""
    return (draws * count).long().clamp(max=count - 1)
