"""CIFAR-10 and CIFAR-100, read from their official binary version, which executes nothing.

Where only the Python version lies, as torchvision fetches it, that is read instead: the same images
and labels, by a reader that builds arrays, lists and strings alone.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from ..image_set import ImageSet, Splits
from .base import DownloadableSet, read_checked
from .cifar_python import read_batch
from .download import Archive, Member, fetch


@dataclass(frozen=True)
class Layout:
    """The files of a CIFAR set."""

    archive: Archive
    """Its members are the training files in their order, then the test file."""
    classes: tuple[str, ...]
    """Their names, as the set's own list has them."""
    header: int
    """Bytes before each image's pixels; the last of them is the label."""
    python: str
    """The folder of the Python version, which torchvision fetches."""
    python_md5: dict[str, str]
    """Checksums of its files, named as those of the binary version without ``.bin``."""
    label_key: str
    """What these files call the labels."""


_TEN_THOUSAND = 10_000 * (1 + 3072)

_CIFAR10_CLASSES = """
    airplane automobile bird cat deer dog frog horse ship truck
"""

CIFAR10_LAYOUT = Layout(
    archive=Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        folder="cifar-10-batches-bin",
        members=(
            Member("data_batch_1.bin", _TEN_THOUSAND, "5dd7e06a14cb22eb9f671a540d1b7c25"),
            Member("data_batch_2.bin", _TEN_THOUSAND, "5ea93a67294ea407fff1d09f752e9692"),
            Member("data_batch_3.bin", _TEN_THOUSAND, "942cd6a4bcdd0dd3c604fbe906cb4421"),
            Member("data_batch_4.bin", _TEN_THOUSAND, "ae636b3ba5c66a11e91e8cb52e771fcb"),
            Member("data_batch_5.bin", _TEN_THOUSAND, "53f37980c15c3d472c316c40844f3f0d"),
            Member("test_batch.bin", _TEN_THOUSAND, "803d5f7f4d78ea53de84dbe85f74fb6d"),
        ),
    ),
    classes=tuple(_CIFAR10_CLASSES.split()),
    header=1,
    python="cifar-10-batches-py",
    python_md5={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    label_key="labels",
)

_CIFAR100_CLASSES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
    plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

CIFAR100_LAYOUT = Layout(
    archive=Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        folder="cifar-100-binary",
        members=(
            Member("train.bin", 50_000 * (2 + 3072), "6172c7755cfe09b2fe270c85cebc1b15"),
            Member("test.bin", 10_000 * (2 + 3072), "4499cfba6c016c1be1438163640a0898"),
        ),
    ),
    classes=tuple(_CIFAR100_CLASSES.split()),
    header=2,
    python="cifar-100-python",
    python_md5={
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
    label_key="fine_labels",
)


@dataclass(frozen=True, kw_only=True)
class CIFAR10(DownloadableSet):
    """60,000 photographs of 32 × 32 pixels in 10 classes.

    Expects ``cifar-10-batches-bin/data_batch_1.bin`` … ``test_batch.bin`` under ``root``, or
    torchvision's ``cifar-10-batches-py``.

    Examples:
        >>> CIFAR10(root="data", download=True).splits()  # doctest: +SKIP
    """

    def splits(self) -> Splits:
        return _read_splits(self, CIFAR10_LAYOUT)


@dataclass(frozen=True, kw_only=True)
class CIFAR100(DownloadableSet):
    """60,000 photographs of 32 × 32 pixels in 100 classes.

    Expects ``cifar-100-binary/train.bin`` and ``test.bin`` under ``root``, or torchvision's
    ``cifar-100-python``.

    Examples:
        >>> CIFAR100(root="data", validation_per_class=50).splits()  # doctest: +SKIP
    """

    def splits(self) -> Splits:
        return _read_splits(self, CIFAR100_LAYOUT)


def _read_splits(data: DownloadableSet, layout: Layout) -> Splits:
    root = Path(data.root)
    folder, python = root / layout.archive.folder, root / layout.python
    if python.is_dir() and not folder.is_dir():
        read = partial(_read_python, python, layout)
    else:
        if data.download:
            fetch(layout.archive, root)
        read = partial(_read_binary, folder, layout)
    *parts, test = (read(member) for member in layout.archive.members)
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    return data.divide(ImageSet(images, labels, layout.classes), test)


def _read_binary(folder: Path, layout: Layout, member: Member) -> ImageSet:
    content = torch.from_numpy(read_checked(folder / member.name, member.md5))
    rows = content.view(-1, layout.header + 3 * 32 * 32)
    images = rows[:, layout.header :].reshape(-1, 3, 32, 32)
    return ImageSet(images, rows[:, layout.header - 1].long(), layout.classes)


def _read_python(folder: Path, layout: Layout, member: Member) -> ImageSet:
    path = folder / member.name.removesuffix(".bin")
    content = read_checked(path, layout.python_md5[path.name])
    try:
        return ImageSet(*read_batch(content.tobytes(), layout.label_key), layout.classes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
