"""Data sets in the style of torchvision: pairs of a picture and a class, by position."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from ..preprocessing import fit
from .image_set import MapDataset
from .images.decode import to_rgb

SHOWN = 60
"""Characters of a wrong label that are shown."""


def read_all(
    dataset: MapDataset, size: int, classes: tuple[str, ...] | None = None
) -> tuple[UInt8[Tensor, "n 3 size size"], Int64[Tensor, " n"], tuple[str, ...]]:
    """Read every pair; pictures become squares: shorter side scaled, centre cut.

    Returns:
        Images, labels, and the names of the classes: those given, or those of the data set, or the
        labels themselves.

    Raises:
        ValueError: If there is none, a picture is neither a PIL image nor an array or tensor of
            bytes or of numbers in [0, 1], or a label is neither a whole number nor a class's name.
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
        pixels = np.array(fit(picture_of(picture, f"item {i}"), (size, size)))
        images[i] = torch.from_numpy(pixels).permute(2, 0, 1)
        labels.append(_label(label, i))
    names = classes or class_names(dataset) or _names(labels)
    return images, torch.tensor([_position(k, i, names) for i, k in enumerate(labels)]), names


def class_names(dataset: object) -> tuple[str, ...] | None:
    """Names of a data set's classes: its own, or those of what it is a subset or a union of.

    Raises:
        ValueError: If a union joins other classes under the same labels.
    """
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


def picture_of(picture: object, name: str) -> Image.Image:
    """A picture that is passed in Python as RGB.

    Args:
        picture: A PIL image, an array of bytes (height, width, and 1 or 3 channels, if any), or a
            tensor (1 or 3 channels, height, width) of bytes or of numbers in [0, 1].
        name: What messages call it.

    Raises:
        ValueError: If it is none of these.
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
        f"item {index} has the label {str(label)[:SHOWN]}: give the number of its class, from 0, "
        "or its name"
    )


def _names(labels: Sequence[int | str]) -> tuple[str, ...]:
    named = sorted({label for label in labels if isinstance(label, str)})
    most = max((label for label in labels if isinstance(label, int)), default=-1)
    return tuple(named) or tuple(map(str, range(most + 1)))


def _position(label: int | str, index: int, names: tuple[str, ...]) -> int:
    if isinstance(label, str):
        if label not in names:
            raise ValueError(
                f"item {index} has the label {label[:SHOWN]!r}, which is not one of the classes "
                f"{', '.join(map(repr, names[:5]))}{', …' if len(names) > 5 else ''}"
            )
        return names.index(label)
    if label >= len(names):
        raise ValueError(
            f"item {index} has label {label}: labels run from 0 to {len(names) - 1}, one for each "
            "of the class names"
        )
    return label
