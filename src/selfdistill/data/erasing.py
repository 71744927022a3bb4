"""Random erasing."""

import math
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from .augment import Augmentation, Draws, Images


class RandomErasing(Augmentation):
    """Blank a rectangle that lies within the image with the mean: zero, once standardised.

    Its share of the image is uniform, the logarithm of its aspect is uniform among the aspects
    with which that share fits into the image, its place is uniform.

    Deviations: the authors' aspect is uniform itself, so that three of four of their rectangles are
    taller than wide, and of ours about half, as of torchvision's. They try shares and aspects until
    a pair fits, which makes large shares a little rarer.

    Args:
        probability: Share of images to erase from, 0 to 1.
        area: Least and largest share of the image, above 0 and at most 1.
        aspect: Least and largest height by width, above 0.

    Raises:
        ValueError: If one of these is out of range.

    Reference:
        Zhong et al., Random Erasing Data Augmentation, AAAI 2020, arXiv 1708.04896.
    """

    columns: ClassVar[int] = 5
    standardised: ClassVar[bool] = True

    def __init__(
        self,
        *,
        probability: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        aspect: tuple[float, float] = (0.3, 3.3),
    ) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability {probability} must be within 0 to 1")
        if not 0 < area[0] <= area[1] <= 1 or not 0 < aspect[0] <= aspect[1] < math.inf:
            raise ValueError(
                f"area {area} must ascend within 0 (excluded) to 1, aspect {aspect} ascend above 0"
            )
        self.probability = probability
        self.area = area
        self.aspect = aspect

    def apply(self, images: Images, draws: Draws) -> Images:
        """Blank; the draws decide whether, share, aspect, row and column."""
        chosen, share, aspect, top, left = draws.unbind(1)
        height, width = images.shape[2:]
        tall, wide = self._sides(share, aspect, height, width)
        rows = _covered(top, tall, height)
        columns = _covered(left, wide, width) & (chosen < self.probability)[:, None]
        return images * ~(rows[:, None, :, None] & columns[:, None, None, :])

    def _sides(
        self,
        share: Float[Tensor, " batch"],
        aspect: Float[Tensor, " batch"],
        height: int,
        width: int,
    ) -> tuple[Int64[Tensor, " batch"], Int64[Tensor, " batch"]]:
        least, most = self.area
        area = least + (most - least) * share
        shape = math.log(height / width)
        low = (area.log() + shape).clamp(min=math.log(self.aspect[0]))
        high = (shape - area.log()).clamp(max=math.log(self.aspect[1]))
        root = ((low + (high - low) * aspect) / 2).exp()
        side = (area * (height * width)).sqrt()
        tall = (side * root).round().long().clamp(1, height)
        return tall, (side / root).round().long().clamp(1, width)


def _covered(
    draws: Float[Tensor, " batch"], lengths: Int64[Tensor, " batch"], size: int
) -> Bool[Tensor, "batch size"]:
    places = size - lengths + 1
    first = torch.minimum((draws * places).long(), places - 1)[:, None]
    positions = torch.arange(size, device=draws.device)
    return (positions >= first) & (positions < first + lengths[:, None])
