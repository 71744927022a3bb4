"""What a report shows of a finished run beyond its line in a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..runs import read_checked_json, read_json, read_lines, summary_file
from ..terminal import shown_name
from .comparison import SPLITS
from .legacy import best_test_epoch
from .predicted import PREDICTIONS, Numbers, Predicted, opened, predicted
from .runs import Summary, parse, read_content

LOG = "log.jsonl"
MODEL = "model/config.json"
SHOWN = "shown.npz"
FILES = "files.json"
LARGEST = 1e300
"""No number of a summary is larger."""


@dataclass(frozen=True)
class Curve:
    """The epochs of a run; a value that an epoch lacks is NaN."""

    epoch: Numbers
    accuracy: Mapping[str, Numbers]
    """Percent, by split: ``train`` and, where there is one, ``validation``."""
    terms: Mapping[str, Numbers]
    """Weighted parts of the loss, nats."""
    attention: Numbers | None
    """Mean shares of the blocks on fixed training images, ``epochs × blocks``."""


@dataclass(frozen=True)
class Thumbnails:
    """Images that lean most on a block, kept by the run."""

    images: NDArray[np.uint8]
    """``images × height × width × 3``."""
    indices: NDArray[np.int64]
    """Positions in the test split."""
    block: NDArray[np.int64]
    """The shallow block, from 0."""
    cams: NDArray[np.uint8]
    """Where the block's exit looks, ``images × height × width``, 255 the most."""


@dataclass(frozen=True)
class Evidence:
    """A finished run; what only a run directory holds is read when it is asked for."""

    summary: Summary
    content: Mapping[str, object]
    """The decoded ``summary.json``."""
    of_images: bool = True
    """Whether single images are shown; these are test images, which a page about others leaves."""

    def scores(self, split: str) -> dict[str, dict[str, float]]:
        """All scores by exit, in the order of the summary, after the last epoch."""
        exits = fields(fields(self.content.get(split)).get("last"))
        return {name: numbers(values) for name, values in exits.items()}

    @property
    def peak_memory(self) -> float | None:
        """Bytes; the whole process on a CPU, the allocator on a GPU."""
        return numbers(self.content.get("cost")).get("peak_memory_bytes")

    @property
    def macs(self) -> dict[str, float]:
        """Multiply-accumulates of one image up to each exit; empty where not recorded."""
        return numbers(fields(self.content.get("cost")).get("macs_per_exit"))

    def corruptions(self, split: str) -> dict[str, dict[int, float]]:
        """Accuracy in percent by corruption and severity; empty where not recorded."""
        found = fields(fields(self.content.get("corruptions")).get(split))
        return {
            name: {int(level): value for level, value in numbers(values).items()}
            for name, values in found.items()
        }

    @cached_property
    def curve(self) -> Curve:
        """The epochs."""
        columns = fields(self.content.get("curve"))
        splits = {s: columns.get(f"{s}_accuracy") for s in ("train", "validation")}
        shares = columns.get("attention")
        epochs = _array(columns.get("epoch", []), 1)
        column = partial(_array, dimensions=1, length=len(epochs))
        return Curve(
            epoch=epochs,
            accuracy={s: column(v) for s, v in splits.items() if v is not None},
            terms={name: column(v) for name, v in fields(columns.get("terms")).items()},
            attention=None if shares is None else _array(shares, 2, len(epochs)),
        )

    def intact(self) -> "Evidence":
        """The same, once all that a report shows of it is found to be readable.

        Raises:
            ValueError: If something is damaged; the message names the file.
        """
        seen, classes = self.predicted, self.classes
        if seen is not None and classes and len(classes) != seen.num_classes:
            raise ValueError(
                f"{self.summary.path / MODEL} names {len(classes)} classes, and {PREDICTIONS} "
                f"predicts {seen.num_classes}: restore them from a copy"
            )
        for split, scores in self.summary.scores.items():
            if not 0 <= scores.accuracy <= 100:
                raise ValueError(
                    f"{summary_file(self.summary.path)} is damaged: its {split} accuracy is "
                    f"{scores.accuracy} %"
                )
        _ = self.thumbnails, self.legacy, self.files
        try:
            _ = self.curve, self.macs, [self.corruptions(split) for split in SPLITS]
        except (ValueError, TypeError) as error:
            raise ValueError(f"{summary_file(self.summary.path)} is damaged: {error}") from None
        return self

    def missing(self) -> list[str]:
        """A line for each file that the run ended with and that a report would show."""
        if not self.summary.path.is_dir():  # a copy of the summary alone
            return []
        known = fields(self.content.get("files"))
        return [
            f"{self.summary.path / name} is missing: the report leaves out what it tells"
            for name in (MODEL, PREDICTIONS, SHOWN, FILES)
            if name in known and not (self.summary.path / name).is_file()
        ]

    @cached_property
    def predicted(self) -> Predicted | None:
        """What the test images were taken for; None without the run directory's file."""
        return predicted(self.summary.path, self._test_images) if self.of_images else None

    @property
    def _test_images(self) -> int | None:
        """How many there are; None where the summary does not tell."""
        count = self.summary.images.get("test")
        return count if isinstance(count, int) and count > 0 else None

    @cached_property
    def legacy(self) -> float | None:
        """Best test epoch, percent, where the recipe had it recorded."""
        return best_test_epoch(self.summary.path)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty where the run directory does not tell."""
        file = self.summary.path / MODEL
        names = read_checked_json(file).list("label_names") if file.is_file() else ()
        return tuple(shown_name(str(name)) for name in names)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Names of the test images' files; empty where they have none, or the run does not tell."""
        file = self.summary.path / FILES
        names = read_json(file).list("test") if file.is_file() else ()
        return tuple(shown_name(str(name)) for name in names)

    @cached_property
    def thumbnails(self) -> Thumbnails | None:
        """Images that lean most on a block, where the run keeps some."""
        file = self.summary.path / SHOWN
        if not self.of_images or not file.is_file():
            return None
        with opened(file, self._test_images) as arrays:
            images, cams = (np.asarray(arrays[name], np.uint8) for name in ("images", "cams"))
            indices, block = (np.asarray(arrays[n], np.int64) for n in ("indices", "block"))
            count = len(images)
            shapes = (images.shape, cams.shape, indices.shape, block.shape)
            if shapes != ((*cams.shape, 3), (count, *images.shape[1:3]), (count,), (count,)):
                raise ValueError(f"arrays of {shapes} do not go together")
            return Thumbnails(images, indices, block, cams)


def read_evidence(path: Path) -> Evidence:
    """Read a finished run.

    Args:
        path: A run directory, or a copy of its ``summary.json``.

    Raises:
        ValueError: If there is no such run, it is unfinished, or the file is no summary.
    """
    try:
        content = read_content(path)
        return Evidence(parse(content, path), content)
    except ValueError as error:
        raise ValueError(f"{error}{_progress(path)}") from None


def fields(value: object) -> dict[str, object]:
    """A JSON object's members; none for anything else."""
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}


def numbers(value: object) -> dict[str, float]:
    """The members of a JSON object that are numbers."""
    found = {k: v for k, v in fields(value).items() if isinstance(v, int | float)}
    return {k: float(v) for k, v in found.items() if abs(v) < LARGEST or v != v}


def _progress(path: Path) -> str:
    """How far an unfinished run came, as far as its log tells."""
    log = path / LOG
    try:
        lines = read_lines(log) if log.is_file() else []
    except ValueError:
        return ""  # the message is about the summary already
    return f" (it has logged {lines[-1].get('epoch')} epochs)" if lines else ""


def _array(values: object, dimensions: int, length: int | None = None) -> Numbers:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or length not in (None, len(array)):
        raise ValueError(f"its curve has a column of {array.shape}, not of all {length} epochs")
    return array
