"""Images passed in Python: a picture of any kind, and torchvision's pairs of picture and class."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from ..preprocessing import fit_picture, to_rgb
from ..resizing import Size

MAX_LABEL = 60
"""Characters of a wrong label that messages show."""
MAX_NAMED = 5


@runtime_checkable
class MapDataset(Protocol):
    """A data set in the style of torchvision: pairs of a picture and a class, by position."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int, /) -> object:
        """The pair at a position."""
        ...


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
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim in (2, 3):
        pixels = picture.reshape(*picture.shape[:2], -1)
        if pixels.shape[2] in (1, 3):
            return Image.fromarray(np.repeat(pixels, 3 // pixels.shape[2], axis=2))
    raise ValueError(
        f"{name} is neither a PIL image, nor an array of bytes (height, width, 3), nor a tensor "
        "(3, height, width) of bytes or of numbers in [0, 1]: leave standardising out"
    )


def read_pairs(
    dataset: MapDataset, size: Size, classes: tuple[str, ...] | None = None
) -> tuple[UInt8[Tensor, "n 3 height width"], Int64[Tensor, " n"], tuple[str, ...]]:
    """Images, labels and class names: those given, the data set's own, or the labels themselves."""
    if not len(dataset):
        raise ValueError("the data set is empty: give one with pictures")
    images = torch.empty(len(dataset), 3, *size, dtype=torch.uint8)
    labels: list[int | str] = []
    for i in range(len(dataset)):
        item: object = dataset[i]
        if not isinstance(item, tuple | list) or len(item) != 2:
            what = f"{len(item)} values" if isinstance(item, tuple | list) else type(item).__name__
            raise ValueError(f"item {i} is {what}: a data set gives pairs of a picture and a class")
        picture, label = item
        pixels = np.array(fit_picture(rgb_image(picture, f"item {i}"), size))
        images[i] = torch.from_numpy(pixels).permute(2, 0, 1)
        labels.append(_label(label, i))
    named = sorted({label for label in labels if isinstance(label, str)})
    numbered = range(max((label for label in labels if isinstance(label, int)), default=-1) + 1)
    names = classes or class_names(dataset) or tuple(named or map(str, numbered))
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


def _position(label: int | str, index: int, names: tuple[str, ...]) -> int:
    if isinstance(label, int) and label < len(names):
        return label
    if isinstance(label, str) and label in names:
        return names.index(label)
    if isinstance(label, str):
        known = ", ".join(map(repr, names[:MAX_NAMED])) + ", …" * (len(names) > MAX_NAMED)
        raise ValueError(
            f"item {index} has the label {label[:MAX_LABEL]!r}, which is not one of the classes "
            f"{known}"
        )
    raise ValueError(
        f"item {index} has label {label}: labels run from 0 to {len(names) - 1}, one for each of "
        "the class names"
    )
