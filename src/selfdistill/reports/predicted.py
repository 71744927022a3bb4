"""What a run's stored test logits say, reduced to what pictures need."""

import io
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from scipy.special import softmax

from ..runs import read_checked

Numbers = NDArray[np.float64]
PREDICTIONS = "predictions.npz"
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


def predicted(run: Path) -> Predicted | None:
    """Reduce a run's predictions; None where it has none.

    Raises:
        ValueError: If the file is damaged.
    """
    file = run / PREDICTIONS
    if not file.is_file():
        return None
    with opened(file) as arrays:
        logits = arrays["network"].astype(np.float64)
        shares = arrays["attention"].astype(np.float64) if "attention" in arrays else None
        labels = arrays["labels"].astype(np.int64)
    probabilities = softmax(logits, axis=1)
    if shares is not None:
        shares /= shares.sum(axis=1, keepdims=True)  # half precision sums to 1 within 1e-3
    return Predicted(
        labels, logits.argmax(1), probabilities.max(1), logits.shape[1], attention=shares
    )


@contextmanager
def opened(file: Path) -> Generator[NpzFile]:
    """Arrays of a run's file.

    Raises:
        ValueError: If the file is damaged or has changed since the run ended, or lacks an array
            that is asked for.
    """
    content = read_checked(file)
    try:
        with np.load(io.BytesIO(content)) as arrays:
            yield arrays
    except (ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{file} is damaged ({type(error).__name__}): remove it, and `selfdistill evaluate "
            f"{file.parent} --split test` writes it anew"
        ) from error


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
