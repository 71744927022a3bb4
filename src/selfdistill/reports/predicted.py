"""What a run's stored test logits say, reduced to what pictures need."""

import io
import math
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from scipy.special import softmax

from ..runs import read_checked

Numbers = NDArray[np.float64]
PREDICTIONS = "predictions.npz"
MAX_BYTES = 1 << 30
"""Bytes of a file of arrays, and of what it unpacks to."""
DAMAGE = (ValueError, TypeError, KeyError, EOFError, BadZipFile, NotImplementedError, zlib.error)
BINS = 15
"""Bins of confidence, as in the expected calibration error."""


@dataclass(frozen=True)
class Predicted:
    """The deployed network's opinion of every test image, and the attention to its blocks."""

    labels: NDArray[np.int64]
    """``images``."""
    classes: NDArray[np.int64]
    """Most probable class, ``images``."""
    confidence: Numbers
    """Its probability, ``images``."""
    num_classes: int
    attention: Numbers | None
    """Shares of the shallow blocks, ``images × blocks``; rows sum to 1."""


def predicted(run: Path, images: int | None = None) -> Predicted | None:
    """Reduce a run's predictions; None where it has none.

    Args:
        run: The run directory.
        images: How many test images the run has, where that is known.

    Raises:
        ValueError: If the file is damaged.
    """
    file = run / PREDICTIONS
    if not file.is_file():
        return None
    with opened(file, images) as arrays:
        logits = np.asarray(arrays["network"], np.float64)
        shares = np.asarray(arrays["attention"], np.float64) if "attention" in arrays else None
        labels = np.asarray(arrays["labels"], np.int64)
        _check(logits, labels, shares)
        if images not in (None, len(labels)):
            raise ValueError(f"it tells of {len(labels)} images, and the run has {images}")
    probabilities = softmax(logits, axis=1)
    if shares is not None:
        shares /= shares.sum(axis=1, keepdims=True)  # half precision sums to 1 within 1e-3
    return Predicted(
        labels, logits.argmax(1), probabilities.max(1), logits.shape[1], attention=shares
    )


@contextmanager
def opened(file: Path, images: int | None = None) -> Generator[NpzFile]:
    """Arrays of a run's file, with a row for each of so many images at most.

    Raises:
        ValueError: If the file is damaged or has changed since the run ended, or lacks an array
            that is asked for.
    """
    content = read_checked(file, max_bytes=MAX_BYTES)
    try:
        with np.load(_bounded(content, images)) as arrays:
            yield arrays
    except DAMAGE as error:
        raise ValueError(
            f"{file} is damaged ({error or type(error).__name__}): remove it, and "
            f"`selfdistill evaluate {file.parent} --split test` writes it anew"
        ) from error


def _bounded(content: bytes, images: int | None) -> io.BytesIO:
    """A file of arrays, none of which says that it holds more than there is.

    Raises:
        ValueError: If one does, or all of them unpack to too much.
        BadZipFile: If it is not such a file.
    """
    stream = io.BytesIO(content)
    with ZipFile(stream) as members:
        if sum(member.file_size for member in members.infolist()) > MAX_BYTES:
            raise ValueError(f"it unpacks to more than {MAX_BYTES:,} bytes")
        for member in members.infolist():
            with members.open(member) as array:
                version = np.lib.format.read_magic(array)
                read = np.lib.format.read_array_header_1_0
                shape, _, kind = read(array) if version == (1, 0) else ((), False, None)
            if kind is None or kind.hasobject or math.prod(shape) * kind.itemsize > MAX_BYTES:
                raise ValueError(f"{member.filename} is not an array that a run writes")
            if math.prod(shape) * kind.itemsize > member.file_size:
                raise ValueError(f"{member.filename} says that it holds more than there is")
            if images is not None and shape and shape[0] > images:
                raise ValueError(f"{member.filename} has {shape[0]:,} rows for {images:,} images")
    stream.seek(0)
    return stream


def _check(logits: Numbers, labels: NDArray[np.int64], shares: Numbers | None) -> None:
    """Refuse arrays that do not belong together.

    Raises:
        ValueError: If they do not.
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not logits.size:
        raise ValueError(f"logits of {logits.shape} do not go with labels of {labels.shape}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels must be within 0 to {logits.shape[1] - 1}")
    if np.isnan(logits).any():
        raise ValueError("the logits are not numbers")
    if shares is None:
        return
    if shares.ndim != 2 or len(shares) != len(labels) or not (shares.sum(axis=1) > 0).all():
        raise ValueError(f"shares of {shares.shape} do not go with {len(labels)} images")


def unseen(split: str) -> str:
    """What a part of a page about a split lacks where it shows no predictions."""
    if split == "test":
        return "the test images' predictions, which no run holds."
    return f"predictions; runs keep those of test images, and this page is about {split} images."


def class_accuracy(one: Predicted) -> Numbers:
    """Accuracy of each class, percent; NaN for a class without images."""
    images = np.bincount(one.labels, minlength=one.num_classes)
    hits = np.bincount(one.labels[one.labels == one.classes], minlength=one.num_classes)
    with np.errstate(invalid="ignore"):
        return 100 * hits / images


def confusion(one: Predicted) -> Numbers:
    """Share of a class's images (row) that is taken for each class (column), percent."""
    pairs = one.labels * one.num_classes + one.classes
    counts = np.bincount(pairs, minlength=one.num_classes**2)
    table = counts.reshape(one.num_classes, one.num_classes)
    with np.errstate(invalid="ignore"):
        return 100 * table / table.sum(axis=1, keepdims=True)


def reliability(one: Predicted) -> Numbers:
    """Images, mean confidence and accuracy (both percent) of each bin, ``bins × 3``.

    Bin ``m`` of ``BINS`` holds the images with confidence in ``((m-1)/BINS, m/BINS]``; an empty
    bin's means are NaN.
    """
    bins = np.clip(np.ceil(one.confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    images = np.bincount(bins, minlength=BINS)
    sums = [
        np.bincount(bins, weights=values, minlength=BINS)
        for values in (one.confidence, (one.labels == one.classes).astype(np.float64))
    ]
    with np.errstate(invalid="ignore"):
        means = [100 * total / images for total in sums]
    return np.stack([images.astype(np.float64), *means], axis=1)


def entropy(attention: Numbers) -> Numbers:
    r"""Entropy of each image's shares over that of equal shares.

    .. math:: -\sum_l \alpha_l \log \alpha_l \,/\, \log S \in [0, 1]

    0: one block has everything; 1: all blocks have the same. One block alone gives 1.
    """
    blocks = attention.shape[1]
    if blocks == 1:
        return np.ones(len(attention))
    logs = np.log(np.where(attention > 0, attention, 1.0))
    return -(attention * logs).sum(axis=1) / np.log(blocks) + 0.0
