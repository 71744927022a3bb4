"""Images that are passed in Python."""

from dataclasses import replace

import torch
from jaxtyping import Int64
from torch import Tensor

from .image_set import DataSet, ImageSet, Splits, channel_statistics
from .images.listing import ByClass, split_by_class

SHARES = (0.15, 0.15)
"""Of every class, for test and validation: as of a folder of pictures."""


class InMemory(DataSet):
    """Splits as they are given.

    Args:
        given: The splits.
    """

    def __init__(self, given: Splits) -> None:
        self.given = given

    def splits(self) -> Splits:
        """The splits."""
        return replace(self.given, own=True)


def divided(images: ImageSet, *, split_seed: int = 0) -> Splits:
    """Divide images at random, class by class: 70 % for training, 15 % each held out.

    Args:
        images: All images.
        split_seed: Decides which images those are.

    Raises:
        ValueError: If a class has fewer than three images.
    """
    classes: ByClass = {
        name: tuple(str(int(i)) for i in (images.labels == label).nonzero())
        for label, name in enumerate(images.classes)
    }
    test, validation, train = (
        images.subset(_positions(part)) for part in split_by_class(classes, SHARES, split_seed)
    )
    mean, std = channel_statistics(train.images)
    return Splits(train, validation, test, mean, std, note="images of Python: divided at random")


def _positions(part: ByClass) -> Int64[Tensor, " n"]:
    return torch.tensor(sorted(int(i) for names in part.values() for i in names))
