"""CIFAR-10 and CIFAR-100, read from their official binary version, which executes nothing.

Where only the Python version lies, as torchvision fetches it, that is read instead: the same images
and labels, by a reader that builds arrays, lists and strings alone.
"""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from ..image_set import ImageSet, Splits
from .base import OfficialSet, missing
from .cifar_layout import CIFAR10_LAYOUT, CIFAR100_LAYOUT, Layout
from .cifar_python import read_batch
from .download import fetch


class CIFAR10(OfficialSet):
    """60,000 photographs of 32 × 32 pixels in 10 classes.

    Expects ``cifar-10-batches-bin/data_batch_1.bin`` … ``test_batch.bin`` under ``root``, or
    torchvision's ``cifar-10-batches-py``.

    Example:
        >>> CIFAR10(root="data", download=True).splits()  # doctest: +SKIP
    """

    def splits(self) -> Splits:
        """Read, check against the published MD5 and divide.

        Raises:
            ValueError: If a file is missing or damaged, or a class has too few images.
        """
        return _splits(self, CIFAR10_LAYOUT)


class CIFAR100(OfficialSet):
    """60,000 photographs of 32 × 32 pixels in 100 classes.

    Expects ``cifar-100-binary/train.bin`` and ``test.bin`` under ``root``, or torchvision's
    ``cifar-100-python``.

    Example:
        >>> CIFAR100(root="data", validation_per_class=50).splits()  # doctest: +SKIP
    """

    def splits(self) -> Splits:
        """Read, check against the published MD5 and divide.

        Raises:
            ValueError: If a file is missing or damaged, or a class has too few images.
        """
        return _splits(self, CIFAR100_LAYOUT)


def _splits(data: OfficialSet, layout: Layout) -> Splits:
    folder, python = data.root / layout.archive.folder, data.root / layout.python
    if python.is_dir() and not folder.is_dir():
        read = partial(_read_python, python, layout)
    else:
        if data.download:
            fetch(layout.archive, data.root)
        read = partial(_read_binary, folder, layout)
    parts = [read(name) for name in layout.train]
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    return data.divided(ImageSet(images, labels, layout.classes), read(layout.test))


def _read_binary(folder: Path, layout: Layout, name: str) -> ImageSet:
    md5 = next(member.md5 for member in layout.archive.members if member.name == name)
    rows = _checked(folder / name, md5).view(-1, layout.header + 3 * 32 * 32)
    images = rows[:, layout.header :].reshape(-1, 3, 32, 32)
    return ImageSet(images, rows[:, layout.header - 1].long(), layout.classes)


def _read_python(folder: Path, layout: Layout, name: str) -> ImageSet:
    plain = name.removesuffix(".bin")
    path = folder / plain
    content = _checked(path, layout.python_md5[plain])
    try:
        return ImageSet(*read_batch(content.numpy().tobytes(), layout.label_key), layout.classes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _checked(path: Path, md5: str) -> UInt8[Tensor, " bytes"]:
    if not path.is_file():
        raise ValueError(missing(path))
    content = np.fromfile(path, np.uint8)
    found = hashlib.md5(content.data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(
            f"{path} has {content.size} bytes and MD5 {found}, the official file {md5}: "
            "remove it and fetch it again with --data.download true"
        )
    return torch.from_numpy(content)
