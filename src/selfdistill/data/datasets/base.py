"""What official sets share: their options, their division, and the check of their files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from ...preprocessing import ChannelValues
from ..image_set import DataSet, ImageSet, Splits, channel_statistics
from ..splitting import stratified


@dataclass(frozen=True, kw_only=True)
class BenchmarkSet(DataSet):
    """An official set, whose makers told training and test images apart.

    Args:
        root: The folder that holds the unpacked official folder.
        train_per_class: Training images of each class; None for all that validation leaves.
        validation_per_class: Images of each class set aside from training; 0 for none.
        split_seed: Decides which images those are.
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("root",)

    root: str | Path = "data"
    train_per_class: int | None = None
    validation_per_class: int = 0
    split_seed: int = 0

    def divide(self, train: ImageSet, test: ImageSet) -> Splits:
        """Set validation images aside from training, then leave as many of each class as asked for.

        A class with too few images is a ValueError.
        """
        validation = None
        if self.validation_per_class:
            chosen, rest = stratified(train.labels, self.validation_per_class, self.split_seed)
            validation, train = train.subset(chosen), train.subset(rest)
        if self.train_per_class is not None:
            chosen, _ = stratified(train.labels, self.train_per_class, self.split_seed)
            train = train.subset(chosen)
        return Splits(train, validation, test, *self.statistics(train))

    def statistics(self, train: ImageSet) -> tuple[ChannelValues, ChannelValues]:
        """Mean and standard deviation by which images are standardised."""
        return channel_statistics(train.images)


@dataclass(frozen=True, kw_only=True)
class DownloadableSet(BenchmarkSet):
    """An official set that can be fetched, and whose channel statistics can be given.

    Args:
        download: Whether to fetch files that are missing there.
        mean: Mean of each channel, pixels in [0, 1]; None to compute it from the training images.
        std: Standard deviation of each channel, in the same units; None to compute it.
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("root", "download")

    download: bool = False
    mean: ChannelValues | None = None
    std: ChannelValues | None = None

    def statistics(self, train: ImageSet) -> tuple[ChannelValues, ChannelValues]:
        if self.mean and self.std:
            return self.mean, self.std
        mean, std = super().statistics(train)
        return self.mean or mean, self.std or std


def missing(path: Path) -> str:
    """What to do about an official file that is not there."""
    return (
        f"{path} is missing: point --data.root at the folder that holds {path.parent.name!r}, "
        "or fetch it with --data.download true"
    )


def read_checked(path: Path, md5: str) -> UInt8[np.ndarray, " bytes"]:
    """Read an official file, and refuse it unless it has its published checksum."""
    if not path.is_file():
        raise ValueError(missing(path))
    content = np.fromfile(path, np.uint8)
    actual = hashlib.md5(content.data, usedforsecurity=False).hexdigest()
    if actual != md5:
        raise ValueError(
            f"{path} has {content.size} bytes and MD5 {actual}, the official file {md5}: "
            "remove it and fetch it again with --data.download true"
        )
    return content
