"""What a run keeps of its test images: predictions, reduced for reports, and thumbnails."""

import io
import math
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from ..runs import read_checked

Numbers = NDArray[np.float64]
MAX_BYTES = 1 << 30
"""Bytes of a file of arrays, and of what it unpacks to."""
DAMAGE = (ValueError, TypeError, KeyError, EOFError, BadZipFile, NotImplementedError, zlib.error)
BINS = 15
"""Bins of confidence, as in the expected calibration error."""


@dataclass(frozen=True)
class TestPredictions:
    """The deployed network's prediction for every test image, and the attention on its stages."""

    labels: NDArray[np.int64]
    """``images``."""
    classes: NDArray[np.int64]
    """Most probable class, ``images``."""
    confidence: Numbers
    """Its probability, ``images``."""
    num_classes: int
    attention: Numbers | None
    """Of the shallow stages, ``images × stages``; rows sum to 1."""

    @cached_property
    def class_sizes(self) -> NDArray[np.int64]:
        """Images of each class."""
        return np.bincount(self.labels, minlength=self.num_classes)

    def class_accuracy(self) -> Numbers:
        """Accuracy of each class, percent; NaN for a class without images."""
        hits = np.bincount(self.labels[self.labels == self.classes], minlength=self.num_classes)
        with np.errstate(invalid="ignore"):
            return 100 * hits / self.class_sizes

    def confusion(self) -> Numbers:
        """Share of a class's images (row) that is taken for each class (column), percent."""
        pairs = self.labels * self.num_classes + self.classes
        counts = np.bincount(pairs, minlength=self.num_classes**2)
        with np.errstate(invalid="ignore"):
            return 100 * counts.reshape(self.num_classes, -1) / self.class_sizes[:, None]

    def reliability(self) -> Numbers:
        """Images, mean confidence and accuracy (both percent) of each bin, ``bins × 3``.

        Bin ``m`` of ``BINS`` holds the images with confidence in ``((m-1)/BINS, m/BINS]``; an empty
        bin's means are NaN.
        """
        bins = np.clip(np.ceil(self.confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
        images = np.bincount(bins, minlength=BINS)
        correct = (self.labels == self.classes).astype(np.float64)
        sums = [np.bincount(bins, weights=w, minlength=BINS) for w in (self.confidence, correct)]
        with np.errstate(invalid="ignore"):
            means = [100 * total / images for total in sums]
        return np.stack([images.astype(np.float64), *means], axis=1)

    def risk_coverage(self) -> Numbers:
        """Share of images answered and of wrong ones among these, percent, ``thresholds × 2``.

        The surest images are answered first, those of equal confidence together; the last row
        answers all (El-Yaniv and Wiener 2010).
        """
        order = np.argsort(-self.confidence, kind="stable")
        sure, wrong = self.confidence[order], (self.labels != self.classes)[order]
        last = np.append(sure[1:] < sure[:-1], True)  # of each group of equal confidence
        answered = np.flatnonzero(last) + 1
        shares = answered / len(sure), np.cumsum(wrong)[last] / answered
        return 100 * np.stack(shares, axis=1)


@dataclass(frozen=True)
class Thumbnails:
    """Test images with the most attention on a stage."""

    images: NDArray[np.uint8]
    """``images × height × width × 3``."""
    indices: NDArray[np.int64]
    """Positions in the test split."""
    stages: NDArray[np.int64]
    """The shallow stage, from 0."""
    cams: NDArray[np.uint8]
    """Class activation maps of the stage's exit, ``images × height × width``, 255 the most."""


def read_predictions(file: Path, images: int | None = None) -> TestPredictions | None:
    """Read the stored logits of a run's test images and reduce them; None if it has none."""
    if not file.is_file():
        return None
    with _open_arrays(file, images) as arrays:
        logits = np.asarray(arrays["network"], np.float64)
        attention = np.asarray(arrays["attention"], np.float64) if "attention" in arrays else None
        labels = np.asarray(arrays["labels"], np.int64)
        _check(logits, labels, attention)
        if images not in (None, len(labels)):
            raise ValueError(f"it tells of {len(labels)} images, and the run has {images}")
    if attention is not None:
        attention /= attention.sum(axis=1, keepdims=True)  # half precision sums to 1 within 1e-3
    return TestPredictions(
        labels=labels,
        classes=logits.argmax(1),
        confidence=1 / np.exp(logits - logits.max(1, keepdims=True)).sum(1),
        num_classes=logits.shape[1],
        attention=attention,
    )


def read_thumbnails(file: Path, images: int | None = None) -> Thumbnails | None:
    """Read the thumbnails of a run of so many test images; None if it has none."""
    if not file.is_file():
        return None
    with _open_arrays(file, images) as arrays:
        pixels, cams = (np.asarray(arrays[name], np.uint8) for name in ("images", "cams"))
        indices, stages = (np.asarray(arrays[name], np.int64) for name in ("indices", "block"))
        count, shapes = len(pixels), (pixels.shape, cams.shape, indices.shape, stages.shape)
        if shapes != ((*cams.shape, 3), (count, *pixels.shape[1:3]), (count,), (count,)):
            raise ValueError(f"arrays of {shapes} do not go together")
    return Thumbnails(pixels, indices, stages, cams)


def entropy(attention: Numbers) -> Numbers:
    r"""Entropy of each image's attention over that of equal attention.

    .. math:: -\sum_l \alpha_l \log \alpha_l \,/\, \log S \in [0, 1]

    0: one stage has everything; 1: all stages have the same. One stage alone gives 1.
    """
    stages = attention.shape[1]
    if stages == 1:
        return np.ones(len(attention))
    logs = np.log(np.where(attention > 0, attention, 1.0))
    return -(attention * logs).sum(axis=1) / np.log(stages) + 0.0


@contextmanager
def _open_arrays(file: Path, images: int | None) -> Generator[NpzFile]:
    """Open a file of arrays; a ValueError names it if it is damaged or has too many rows."""
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
    """Check the sizes that a file of arrays claims before any array is unpacked."""
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


def _check(logits: Numbers, labels: NDArray[np.int64], attention: Numbers | None) -> None:
    """Refuse arrays that do not belong together."""
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not logits.size:
        raise ValueError(f"logits of {logits.shape} do not go with labels of {labels.shape}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels must be within 0 to {logits.shape[1] - 1}")
    if np.isnan(logits).any():
        raise ValueError("the logits are not numbers")
    if attention is None:
        return
    if attention.ndim != 2 or len(attention) != len(labels) or not (attention.sum(1) > 0).all():
        raise ValueError(f"shares of {attention.shape} do not go with {len(labels)} images")
