"""Data sets in the style of torchvision: pairs of a picture and a class, by position."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from .decode import to_rgb
from .square_cache import square


@runtime_checkable
class MapDataset(Protocol):
    """Pairs of a picture and a class."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int, /) -> tuple[object, int]:
        """The pair at a position."""
        ...


def read_all(
    dataset: MapDataset, size: int
) -> tuple[UInt8[Tensor, "n 3 size size"], Int64[Tensor, " n"]]:
    """Read every pair; pictures become squares: shorter side scaled, centre cut.

    Raises:
        ValueError: If there is none, or a picture is neither a PIL image nor a tensor of bytes or
            of numbers in [0, 1].
    """
    count = len(dataset)
    if not count:
        raise ValueError("the data set is empty: give one with pictures")
    images = torch.empty(count, 3, size, size, dtype=torch.uint8)
    labels = torch.empty(count, dtype=torch.int64)
    for i in range(count):
        picture, label = dataset[i]
        pixels = np.array(square(_picture(picture, i), size))
        images[i] = torch.from_numpy(pixels).permute(2, 0, 1)
        labels[i] = int(label)
    return images, labels


def _picture(picture: object, index: int) -> Image.Image:
    if isinstance(picture, Image.Image):
        return to_rgb(picture)
    if isinstance(picture, Tensor) and picture.ndim == 3 and len(picture) in (1, 3):
        if picture.is_floating_point() and picture.min() >= 0 and picture.max() <= 1:
            picture = (picture * 255).round().to(torch.uint8)
        if picture.dtype == torch.uint8:
            return Image.fromarray(picture.expand(3, -1, -1).permute(1, 2, 0).numpy())
    raise ValueError(
        f"item {index} is neither a PIL image nor a tensor of 1 or 3 channels of bytes or of "
        "numbers in [0, 1]: leave standardising out of the data set's transform"
    )
