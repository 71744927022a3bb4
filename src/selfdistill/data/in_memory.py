"""Images that are passed in Python: splits, image sets, and data sets in torchvision's style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from ..preprocessing import fit
from .image_set import DataSet, ImageSet, MapDataset, Splits, channel_statistics
from .images.decode import to_rgb
from .splitting import split_by_class

MAX_LABEL = 60
"""Characters of a wrong label that messages show."""
MAX_NAMED = 5
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


def read_all(
    dataset: MapDataset, size: int, classes: tuple[str, ...] | None = None
) -> tuple[UInt8[Tensor, "n 3 size size"], Int64[Tensor, " n"], tuple[str, ...]]:
    """Images, labels and class names of all pairs; shorter side scaled, centre cut.

    The names are those given, or those of the data set, or the labels themselves. What is no pair
    of an image and the number or name of a class is a ValueError.
    """
    count = len(dataset)
    if not count:
        raise ValueError("the data set is empty: give one with pictures")
    images = torch.empty(count, 3, size, size, dtype=torch.uint8)
    labels: list[int | str] = []
    for i in range(count):
        item: object = dataset[i]
        if not isinstance(item, tuple | list) or len(item) != 2:
            what = f"{len(item)} values" if isinstance(item, tuple | list) else type(item).__name__
            raise ValueError(f"item {i} is {what}: a data set gives pairs of a picture and a class")
        picture, label = item
        pixels = np.array(fit(rgb_image(picture, f"item {i}"), (size, size)))
        images[i] = torch.from_numpy(pixels).permute(2, 0, 1)
        labels.append(_label(label, i))
    names = classes or class_names(dataset) or _names(labels)
    return images, torch.tensor([_position(k, i, names) for i, k in enumerate(labels)]), names


def class_names(dataset: object) -> tuple[str, ...] | None:
    """Names of a data set's classes: its own, or those of what it is a subset or a union of."""
    named: object = getattr(dataset, "classes", None)
    if isinstance(named, Mapping):
        named = sorted(named, key=named.__getitem__)
    if isinstance(named, Sequence | np.ndarray) and not isinstance(named, str):
        return tuple(", ".join(n) if isinstance(n, tuple) else str(n) for n in named)
    if (whole := getattr(dataset, "dataset", None)) is not None:
        return class_names(whole)
    found = {class_names(part) for part in getattr(dataset, "datasets", ())}
    if len(found) > 1:
        raise ValueError(
            "the joined data sets have other classes under the same labels: give them the same "
            "classes in the same order"
        )
    return found.pop() if found else None


def rgb_image(picture: object, name: str) -> Image.Image:
    """An image that is passed in Python as RGB; ``name`` is what messages call it.

    It is a PIL image, an array of bytes (height, width, and 1 or 3 channels, if any), or a tensor
    (1 or 3 channels, height, width) of bytes or of numbers in [0, 1].
    """
    if isinstance(picture, Image.Image):
        return to_rgb(picture)
    if isinstance(picture, Tensor) and picture.ndim == 3 and len(picture) in (1, 3):
        picture = picture.detach().cpu()
        if picture.is_floating_point() and picture.min() >= 0 and picture.max() <= 1:
            picture = (picture * 255).round().to(torch.uint8)
        if picture.dtype == torch.uint8:
            return Image.fromarray(picture.expand(3, -1, -1).permute(1, 2, 0).numpy())
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8:
        grey = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 1)
        if grey or (picture.ndim == 3 and picture.shape[2] == 3):
            pixels = picture.reshape(*picture.shape[:2], -1)
            return Image.fromarray(np.repeat(pixels, 3, axis=2) if grey else pixels)
    raise ValueError(
        f"{name} is neither a PIL image, nor an array of bytes (height, width, 3), nor a tensor "
        "(3, height, width) of bytes or of numbers in [0, 1]: leave standardising out"
    )


def _label(label: object, index: int) -> int | str:
    """A label as a whole number or a name; one-hot vectors are numbers."""
    plain = label.tolist() if isinstance(label, Tensor | np.ndarray | np.generic) else label
    if isinstance(plain, list | tuple):
        if len(plain) > 1 and all(value in (0, 1) for value in plain) and sum(plain) == 1:
            return plain.index(1)
        plain = plain[0] if len(plain) == 1 else None
    if isinstance(plain, str):
        return plain
    if isinstance(plain, int | float) and plain >= 0 and float(plain).is_integer():
        return int(plain)
    raise ValueError(
        f"item {index} has the label {str(label)[:MAX_LABEL]}: give the number of its class, from "
        "0, or its name"
    )


def _names(labels: Sequence[int | str]) -> tuple[str, ...]:
    named = sorted({label for label in labels if isinstance(label, str)})
    most = max((label for label in labels if isinstance(label, int)), default=-1)
    return tuple(named) or tuple(map(str, range(most + 1)))


def _position(label: int | str, index: int, names: tuple[str, ...]) -> int:
    if isinstance(label, str):
        if label not in names:
            known = ", ".join(map(repr, names[:MAX_NAMED]))
            raise ValueError(
                f"item {index} has the label {label[:MAX_LABEL]!r}, which is not one of the "
                f"classes {known}{', …' if len(names) > MAX_NAMED else ''}"
            )
        return names.index(label)
    if label >= len(names):
        raise ValueError(
            f"item {index} has label {label}: labels run from 0 to {len(names) - 1}, one for each "
            "of the class names"
        )
    return label
