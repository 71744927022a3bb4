"""Augmentations that blank a part of an image."""

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Bool
from torch import Tensor

from ...preprocessing import Images
from .base import Augmentation, Draws, check_range, check_rising, integers, within


@dataclass(frozen=True, kw_only=True)
class Cutout(Augmentation):
    """Blank one square: it gets the mean, which is zero in standardised images.

    The centre is uniform over all pixels; what lies beyond the border is cut off.

    Args:
        length: Side of the square in pixels; at least 1.

    Raises:
        ValueError: If the length is smaller.

    Reference:
        DeVries & Taylor, Improved Regularization of Convolutional Neural Networks with Cutout,
        arXiv 1708.04552, 2017.
    """

    draws_per_image: ClassVar[int] = 2
    standardised: ClassVar[bool] = True

    length: int = 16

    def __post_init__(self) -> None:
        check_range(1, length=self.length)

    def apply(self, images: Images, draws: Draws) -> Images:
        """Blank; the first draw places the centre's row, the second its column."""
        height, width = images.shape[2:]
        half = self.length // 2
        rows = within(integers(draws[:, 0], height) - half, self.length, height)
        columns = within(integers(draws[:, 1], width) - half, self.length, width)
        return _blank(images, rows, columns)


@dataclass(frozen=True, kw_only=True)
class RandomErasing(Augmentation):
    """Blank a rectangle within the image: it gets the mean, zero in standardised images.

    The rectangle's share of the image is uniform. The logarithm of its aspect is uniform among the
    aspects with which that share fits into the image. Its place is uniform.

    Deviations: the authors draw the aspect itself uniformly, so that three of four of their
    rectangles are taller than wide; of ours about half are, as of torchvision's. They try shares
    and aspects until a pair fits, which makes large shares a little rarer.

    Args:
        probability: Share of images to erase from, 0 to 1.
        area: Least and largest share of the image, above 0 and at most 1.
        aspect: Least and largest height divided by width, above 0.

    Raises:
        ValueError: If one of these is out of range.

    Reference:
        Zhong et al., Random Erasing Data Augmentation, AAAI 2020, arXiv 1708.04896.
    """

    draws_per_image: ClassVar[int] = 5
    standardised: ClassVar[bool] = True

    probability: float = 0.5
    area: tuple[float, float] = (0.02, 0.4)
    aspect: tuple[float, float] = (0.3, 3.3)

    def __post_init__(self) -> None:
        check_range(0, 1, probability=self.probability)
        check_rising(1, area=self.area)
        check_rising(aspect=self.aspect)

    def apply(self, images: Images, draws: Draws) -> Images:
        """Blank; the draws decide whether an image is changed, then share, aspect, row, column."""
        chosen, share, aspect, top, left = draws.unbind(1)
        height, width = images.shape[2:]
        least, most = self.area
        area = least + (most - least) * share
        shape = math.log(height / width)
        low = (area.log() + shape).clamp(min=math.log(self.aspect[0]))
        high = (shape - area.log()).clamp(max=math.log(self.aspect[1]))
        root = ((low + (high - low) * aspect) / 2).exp()
        side = (area * (height * width)).sqrt()
        tall = (side * root).round().long().clamp(1, height)
        wide = (side / root).round().long().clamp(1, width)
        rows = within(integers(top, height - tall + 1), tall, height)
        columns = within(integers(left, width - wide + 1), wide, width)
        return _blank(images, rows, columns & (chosen < self.probability)[:, None])


def _blank(
    images: Images, rows: Bool[Tensor, "batch height"], columns: Bool[Tensor, "batch width"]
) -> Images:
    # As channels lie last in memory, a row of pixels is one long axis, as vector units like it.
    channels, (height, width) = images.shape[1], images.shape[2:]
    lines = images.permute(0, 2, 3, 1).reshape(-1, height, width * channels)
    blank = rows.float()[:, :, None] * columns.repeat_interleave(channels, 1).float()[:, None]
    return (lines * (1 - blank)).view(-1, height, width, channels).permute(0, 3, 1, 2)
