"""Images that are passed in Python: splits, or one set that is divided into them."""

from dataclasses import dataclass, replace

import torch

from .image_set import DataSet, ImageSet, Splits, channel_statistics
from .splitting import split_by_class

SHARES = (0.15, 0.15)
"""Of every class, for test and validation: as of a folder of images."""


@dataclass(frozen=True)
class InMemory(DataSet):
    """Splits as they are given."""

    given: Splits

    def splits(self) -> Splits:
        """The splits, as the user's own images."""
        return replace(self.given, own=True)


def split_in_memory(images: ImageSet, *, split_seed: int = 0) -> Splits:
    """Divide images at random, class by class: 70 % for training, 15 % each held out.

    A class of fewer than three images is a ValueError.
    """
    classes = {
        name: (images.labels == label).nonzero()[:, 0].tolist()
        for label, name in enumerate(images.classes)
    }
    test, validation, train = (
        images.subset(torch.tensor(sorted(i for chosen in part.values() for i in chosen)))
        for part in split_by_class(classes, SHARES, split_seed)
    )
    mean, std = channel_statistics(train.images)
    return Splits(train, validation, test, mean, std, note="images of Python: divided at random")
