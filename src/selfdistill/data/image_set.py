"""Labelled images as bytes, in memory or mapped from a file, and the splits of a data set."""

import abc
import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from ..preprocessing import ChannelValues, Fit, Preprocessing, share_shown
from ..resizing import Size
from .pairs import MapDataset, read_pairs

CHUNK = 2**22
"""Pixels of a channel that are counted at once."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images as bytes, in memory or mapped from a file.

    Args:
        images: Pixels, 0 to 255.
        labels: Positions in ``classes``.
        classes: Names of the classes.

    Raises:
        ValueError: If there are not as many labels as images, a label names no class, or two
            classes have one name.

    Examples:
        >>> images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
        >>> len(ImageSet(images, torch.tensor([0, 1]), ("cat", "dog")))
        2
    """

    images: UInt8[Tensor, "n channels height width"]
    labels: Int64[Tensor, " m"]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise ValueError(
                f"{len(self.images)} images have {len(self.labels)} labels: give one label an image"
            )
        if len(set(self.classes)) < len(self.classes):
            double = next(name for name in self.classes if self.classes.count(name) > 1)
            raise ValueError(f"two classes are called {double!r}: give each a name of its own")
        wrong = ((self.labels < 0) | (self.labels >= len(self.classes))).nonzero()
        if len(wrong):
            first = int(wrong[0, 0])
            raise ValueError(
                f"image {first} has label {int(self.labels[first])}: "
                f"labels run from 0 to {len(self.classes) - 1}, one for each of the class names"
            )

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def from_dataset(
        cls,
        dataset: MapDataset,
        *,
        image_size: int | Size,
        classes: tuple[str, ...] | None = None,
    ) -> "ImageSet":
        """Read a data set in the style of torchvision, of pairs of a picture and a class.

        Args:
            dataset: The pairs; pictures are PIL images, or tensors of bytes or numbers in [0, 1].
            image_size: Height and width of the images, one number for squares: scaled until they
                cover it, centre cut.
            classes: Names of the classes; None for those of ``dataset``, or of what it is a subset
                or a union of, or without them for the labels: numbers, or names in order.

        Raises:
            ValueError: If there are no pairs, a picture is something else, or a label is neither
                the number nor the name of a class.
        """
        size = (image_size, image_size) if isinstance(image_size, int) else image_size
        return cls(*read_pairs(dataset, size, classes))

    def subset(self, indices: Int64[Tensor, " chosen"]) -> "ImageSet":
        """Keep the images at these positions, in this order; those in a row are not copied."""
        in_a_row = len(indices) > 0 and bool((indices.diff() == 1).all())
        kept = slice(int(indices[0]), int(indices[0]) + len(indices)) if in_a_row else indices
        return ImageSet(self.images[kept], self.labels[kept], self.classes)

    def to(self, device: torch.device | str) -> "ImageSet":
        """Move images and labels to a device."""
        return ImageSet(self.images.to(device), self.labels.to(device), self.classes)

    def digest(self) -> str:
        """Hash shape, pixels and labels (SHA-256, hexadecimal)."""
        sha256 = hashlib.sha256(str(tuple(self.images.shape)).encode())
        sha256.update(self.images.cpu().contiguous().numpy().data)
        sha256.update(self.labels.cpu().contiguous().numpy().data)
        return sha256.hexdigest()


@dataclass(frozen=True, eq=False)
class Splits:
    """A data set divided for training, for choices (where asked for) and for the final test.

    Args:
        train: What is trained on.
        validation: What choices may read; None where nothing was set aside.
        test: What is read once, after the last epoch.
        mean: Mean of each channel, in units of pixels in [0, 1].
        std: Standard deviation of each channel, in the same units; above 0.
        note: How the splits came about, for whoever trains on them.
        files: The file of each image, by split, relative to the root; None without files.
        input_size: Height and width of what the network sees, one number for squares, where the
            images are kept larger.
        own: Whether these are the user's own images, not those of a data set known by name.
        fit: How pictures of other proportions were brought to the images' size.

    Raises:
        ValueError: If a class has no training image, mean or deviation are outside those units,
            or a channel never changes.
    """

    train: ImageSet
    validation: ImageSet | None
    test: ImageSet
    mean: ChannelValues
    std: ChannelValues
    note: str = ""
    files: dict[str, tuple[str, ...]] | None = None
    input_size: int | Size | None = None
    own: bool = False
    fit: Fit = "crop"

    def __post_init__(self) -> None:
        classes = self.train.classes
        missing = (self.train.labels.bincount(minlength=len(classes)) == 0).nonzero()
        if len(missing):
            raise ValueError(
                f"class {classes[int(missing[0, 0])]!r} has no training image: "
                "leave some of its images to the training split"
            )
        if not all(0 <= value <= 1 for value in (*self.mean, *self.std)):
            raise ValueError(
                f"mean {self.mean} and std {self.std} must be in units of pixels in [0, 1]: "
                "divide figures for bytes by 255"
            )
        if 0 in self.std:
            raise ValueError(
                f"std {self.std} is 0 where a channel has the same value in all pixels of all "
                "training images, as if all were black: look at the pictures"
            )

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes what the network sees, in training as in evaluation."""
        size = self.input_size or (self.train.images.shape[2], self.train.images.shape[3])
        size = (size, size) if isinstance(size, int) else size
        tested = (self.test.images.shape[2], self.test.images.shape[3])
        return Preprocessing(size, self.mean, self.std, share_shown(size, tested), fit=self.fit)

    def digest(self) -> str:
        """Hash the contents of all splits (SHA-256, hexadecimal)."""
        splits = (self.train, self.validation, self.test)
        digests = ("none" if split is None else split.digest() for split in splits)
        return hashlib.sha256("/".join(digests).encode()).hexdigest()


class DataSet(abc.ABC):
    """A source of splits; its constructor's arguments say which images and which division."""

    path_arguments: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments that say where the data lie, not what they are."""

    @abc.abstractmethod
    def splits(self) -> Splits:
        """Read the images and divide them.

        Raises:
            ValueError: If images are missing, damaged or not clear, or a class has too few.
        """

    def for_mean(self, mean: ChannelValues) -> "DataSet":
        """The same images for a network that expects this mean: what borders are filled with."""
        del mean
        return self

    def parts(self) -> dict[str, ImageSet]:
        """All images, to be looked at: by split where they have any, else as ``all``."""
        splits = self.splits()
        parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        return {name: part for name, part in parts.items() if part is not None}


@dataclass(frozen=True)
class InMemory(DataSet):
    """Splits that are passed in Python."""

    given: Splits

    def splits(self) -> Splits:
        """The splits, as the user's own images."""
        return replace(self.given, own=True)


def channel_statistics(
    images: UInt8[Tensor, "n 3 height width"],
) -> tuple[ChannelValues, ChannelValues]:
    """Mean and standard deviation of each channel, in units of pixels in [0, 1].

    Exact up to float64: pixels are counted by value before anything is summed.
    """
    values = torch.arange(256, dtype=torch.float64, device=images.device) / 255
    counts = torch.zeros(3, 256, dtype=torch.int64, device=images.device)
    # A part at a time: the images may be more than fits into memory.
    for part in images.split(max(1, CHUNK // (images.shape[2] * images.shape[3]))):
        for count, channel in zip(counts, part.unbind(1), strict=True):
            count += channel.flatten().bincount(minlength=256)
    shares = counts.double() / counts[0].sum()
    means = [float(share.dot(values)) for share in shares]
    deviations = [
        float(share.dot((values - mean).square()).sqrt())
        for share, mean in zip(shares, means, strict=True)
    ]
    return (means[0], means[1], means[2]), (deviations[0], deviations[1], deviations[2])
