"""CIFAR-10 and CIFAR-100, read from their official binary version, which executes nothing."""

import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from .cifar_layout import CIFAR10_LAYOUT, CIFAR100_LAYOUT, Layout
from .download import Member, fetch
from .image_set import DataSet, ImageSet, Splits, channel_statistics, stratified


class CIFAR(DataSet):
    """What both CIFAR sets are asked for.

    Args:
        root: The folder that holds the unpacked official folder.
        download: Whether to fetch files that are missing there.
        train_per_class: Training images of each class; None for all that validation leaves.
        validation_per_class: Images of each class set aside from training; 0 for none.
        split_seed: Decides which images those are.
        mean: Mean of each channel, pixels in [0, 1]; None to compute it from the training images.
        std: Standard deviation of each channel, in the same units; None to compute it.
    """

    places: ClassVar[tuple[str, ...]] = ("root", "download")

    def __init__(
        self,
        *,
        root: str | Path = "data",
        download: bool = False,
        train_per_class: int | None = None,
        validation_per_class: int = 0,
        split_seed: int = 0,
        mean: tuple[float, float, float] | None = None,
        std: tuple[float, float, float] | None = None,
    ) -> None:
        self.root = Path(root)
        self.download = download
        self.train_per_class = train_per_class
        self.validation_per_class = validation_per_class
        self.split_seed = split_seed
        self.mean = mean
        self.std = std


class CIFAR10(CIFAR):
    """60,000 photographs of 32 × 32 pixels in 10 classes.

    Expects ``cifar-10-batches-bin/data_batch_1.bin`` … ``test_batch.bin`` under ``root``.

    Example:
        >>> CIFAR10(root="data", download=True).splits()  # doctest: +SKIP
    """

    def splits(self) -> Splits:
        """Read, check against the published MD5 and divide.

        Raises:
            ValueError: If a file is missing or damaged, or a class has too few images.
        """
        return _splits(self, CIFAR10_LAYOUT)


class CIFAR100(CIFAR):
    """60,000 photographs of 32 × 32 pixels in 100 classes.

    Expects ``cifar-100-binary/train.bin`` and ``test.bin`` under ``root``.

    Example:
        >>> CIFAR100(root="data", validation_per_class=50).splits()  # doctest: +SKIP
    """

    def splits(self) -> Splits:
        """Read, check against the published MD5 and divide.

        Raises:
            ValueError: If a file is missing or damaged, or a class has too few images.
        """
        return _splits(self, CIFAR100_LAYOUT)


def _splits(data: CIFAR, layout: Layout) -> Splits:
    if data.download:
        fetch(layout.archive, data.root)
    folder = data.root / layout.archive.folder
    contents = {m.name: _read(folder / m.name, m) for m in layout.archive.members}
    train = _decode(torch.cat([contents[name] for name in layout.train]), layout)
    test = _decode(contents[layout.test], layout)
    validation = None
    if data.validation_per_class:
        chosen, rest = stratified(train.labels, data.validation_per_class, data.split_seed)
        validation, train = train.subset(chosen), train.subset(rest)
    if data.train_per_class is not None:
        chosen, _ = stratified(train.labels, data.train_per_class, data.split_seed)
        train = train.subset(chosen)
    mean, std = channel_statistics(train.images)
    return Splits(train, validation, test, data.mean or mean, data.std or std)


def _read(path: Path, member: Member) -> UInt8[Tensor, " bytes"]:
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: point --data.root at the folder that holds {path.parent.name!r}, "
            "or fetch it with --data.download true"
        )
    content = np.fromfile(path, np.uint8)
    md5 = hashlib.md5(content.data, usedforsecurity=False).hexdigest()
    if md5 != member.md5:
        raise ValueError(
            f"{path} has {content.size} bytes and MD5 {md5}, the official file {member.size} and "
            f"{member.md5}: remove it and fetch it again with --data.download true"
        )
    return torch.from_numpy(content)


def _decode(content: UInt8[Tensor, " bytes"], layout: Layout) -> ImageSet:
    rows = content.view(-1, layout.header + 3 * 32 * 32)
    images = rows[:, layout.header :].reshape(-1, 3, 32, 32)
    return ImageSet(images, rows[:, layout.header - 1].long(), layout.classes)
