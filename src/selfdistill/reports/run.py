"""A finished run, as its directory or a copy of its summary holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..runs import (
    SCORED_SPLITS,
    Fields,
    RunDirectory,
    Stored,
    read_checked_json,
    read_json,
    read_lines,
    summary_file,
)
from ..terminal import shown_name
from .predictions import Numbers, TestPredictions, Thumbnails, read_predictions, read_thumbnails

MAX_NUMBER = 1e300
"""No number of a summary is larger."""


@dataclass(frozen=True)
class Scores:
    """What the deployed network reached on one split after the last epoch."""

    accuracy: float
    """Percent."""
    nll: float
    """Nats."""
    ece: float
    """Percent."""


class ClassScore(NamedTuple):
    """How well the deployed network tells one class from the others; percent."""

    images: int
    precision: float
    recall: float | None
    """None for a class without images, and so is F1."""
    f1: float | None


class BestEpoch(NamedTuple):
    """The epoch whose weights ``model-best-validation`` holds."""

    accuracy: float
    """On validation images, percent."""
    epoch: int


@dataclass(frozen=True)
class Cost:
    """What a run took."""

    seconds: float
    images_per_second: float
    parameters: int
    """Of the deployed network."""
    training_parameters: int
    """With everything that is thrown away after training."""


@dataclass(frozen=True)
class Curve:
    """The epochs of a run; a value that an epoch lacks is NaN."""

    epoch: Numbers
    accuracy: Mapping[str, Numbers]
    """Percent, by split: ``train`` and, where there is one, ``validation``."""
    terms: Mapping[str, Numbers]
    """Weighted parts of the loss, nats."""
    attention: Numbers | None
    """Mean attention on fixed training images, ``epochs × stages``."""


@dataclass(frozen=True)
class StoredRun:
    """A finished run; what only a run directory holds is read when it is asked for."""

    path: Path
    """The run directory, or a copy of its ``summary.json``."""
    summary: Mapping[str, object]
    """The decoded ``summary.json``."""
    seed: int
    fields: Fields
    """The recipe but its seed, as flat fields, and ``data.split_hash`` in short."""
    weights: str | None
    """Hash of the trained network, by which recipes of other runs name it."""
    environment: Mapping[str, object]
    scores: Mapping[str, Scores]
    """By split: ``validation``, ``test``; a split that was not read is absent."""
    cost: Cost

    @property
    def method(self) -> str:
        """The method's name."""
        return str(self.fields["method.class_path"]).rpartition(".")[2]

    def num_images(self, split: str) -> int | None:
        """Images in a split; None where the summary does not tell."""
        count = _members(self.summary.get("images")).get(split)
        return count if isinstance(count, int) and count > 0 else None

    def exit_scores(self, split: str) -> dict[str, dict[str, float]]:
        """All scores by exit after the last epoch, in the order of the summary."""
        exits = _members(_members(self.summary.get(split)).get("last"))
        return {name: _numbers(values) for name, values in exits.items()}

    def class_scores(self, split: str) -> tuple[ClassScore, ...]:
        """Scores of each class after the last epoch; empty where the summary does not tell."""
        columns = _members(_members(self.summary.get(split)).get("classes"))
        lists = [columns.get(name) for name in ClassScore._fields]
        if not all(isinstance(column, list) for column in lists):
            return ()
        return tuple(ClassScore(*values) for values in zip(*lists, strict=False))  # pyright: ignore

    @property
    def temperatures(self) -> dict[str, float] | None:
        """What each exit's logits are divided by; empty for a run without validation images.

        None where the summary, of an older version, does not tell.
        """
        if "calibration" not in self.summary:
            return None
        return _numbers(_members(self.summary["calibration"]).get("temperature"))

    def scaled_scores(self, split: str) -> dict[str, dict[str, float]]:
        """NLL (nats) and ECE (percent) by exit, ``nll`` and ``ece``, with its temperature.

        Empty where the summary does not tell.
        """
        exits = _members(_members(self.summary.get("calibration")).get(split))
        return {name: _numbers(values) for name, values in exits.items()}

    @property
    def best_validation(self) -> BestEpoch | None:
        """The best epoch by validation images; None where the summary does not tell."""
        best = _numbers(_members(self.summary.get("validation")).get("best"))
        if not best.keys() >= {"accuracy", "epoch"}:
            return None
        return BestEpoch(best["accuracy"], int(best["epoch"]))

    @property
    def peak_memory(self) -> float | None:
        """Bytes; the whole process on a CPU, the allocator on a GPU."""
        return _numbers(self.summary.get("cost")).get("peak_memory_bytes")

    @property
    def macs(self) -> dict[str, float]:
        """Multiply-accumulates of one image up to each exit; empty where not recorded."""
        return _numbers(_members(self.summary.get("cost")).get("macs_per_exit"))

    def corruptions(self, split: str) -> dict[str, dict[int, float]]:
        """Accuracy in percent by corruption and severity; empty where not recorded."""
        table = _members(_members(self.summary.get("corruptions")).get(split))
        return {
            name: {int(severity): value for severity, value in _numbers(values).items()}
            for name, values in table.items()
        }

    @cached_property
    def curve(self) -> Curve:
        """Accuracy, loss terms and attention by epoch."""
        columns = _members(self.summary.get("curve"))
        splits = {s: columns.get(f"{s}_accuracy") for s in ("train", "validation")}
        attention = columns.get("attention")
        epochs = _array(columns.get("epoch", []), 1)
        column = partial(_array, dimensions=1, length=len(epochs))
        return Curve(
            epoch=epochs,
            accuracy={s: column(v) for s, v in splits.items() if v is not None},
            terms={name: column(v) for name, v in _members(columns.get("terms")).items()},
            attention=None if attention is None else _array(attention, 2, len(epochs)),
        )

    @cached_property
    def predictions(self) -> TestPredictions | None:
        """Predictions of the test images; None if the file is missing."""
        return read_predictions(self._directory.predictions_file, self.num_images("test"))

    @cached_property
    def thumbnails(self) -> Thumbnails | None:
        """Test images with the most attention on a stage, where the run keeps some."""
        return read_thumbnails(self._directory.top_attended_file, self.num_images("test"))

    @cached_property
    def best_test_epoch(self) -> float | None:
        """Highest test accuracy of all epochs, percent; None where it was not recorded.

        Published tables used to report it. It is chosen by the test images, hence too high: only
        the column labelled so shows it, and no difference and no verdict rests on it.
        """
        file = self._directory.test_curve_file
        if not file.is_file():
            return None
        epochs = [Stored(file, line) for line in read_lines(file)]
        return max((epoch.number("test_accuracy", 0, 100) for epoch in epochs), default=None)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty if the file is missing."""
        file = self._model_description
        names = read_checked_json(file).list("label_names") if file.is_file() else ()
        return tuple(shown_name(str(name)) for name in names)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Names of the test images' files; empty if they have none or the file is missing."""
        file = self._directory.files_file
        names = read_json(file).list("test") if file.is_file() else ()
        return tuple(shown_name(str(name)) for name in names)

    def check(self) -> None:
        """Read all that a report shows; a ValueError names the file that is damaged."""
        predictions, classes = self.predictions, self.classes
        if predictions is not None and classes and len(classes) != predictions.num_classes:
            raise ValueError(
                f"{self._model_description} names {len(classes)} classes, and "
                f"{self._directory.predictions_file.name} predicts {predictions.num_classes}: "
                "restore them from a copy"
            )
        _ = self.thumbnails, self.best_test_epoch, self.files
        try:
            _ = self.curve, self.macs, [self.corruptions(split) for split in SCORED_SPLITS]
        except (ValueError, TypeError) as error:
            raise ValueError(f"{summary_file(self.path)} is damaged: {error}") from None

    def missing(self) -> list[Path]:
        """Files that the run ended with, a report would read, and that are missing now."""
        if not self.path.is_dir():  # a copy of the summary alone
            return []
        run, recorded = self._directory, _members(self.summary.get("files"))
        read = (
            self._model_description,
            run.predictions_file,
            run.top_attended_file,
            run.files_file,
        )
        return [
            file
            for file in read
            if file.relative_to(self.path).as_posix() in recorded and not file.is_file()
        ]

    @property
    def _directory(self) -> RunDirectory:
        return RunDirectory(self.path)

    @property
    def _model_description(self) -> Path:
        return self._directory.model / "config.json"


def _members(value: object) -> Mapping[str, object]:
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}  # pyright: ignore


def _numbers(value: object) -> dict[str, float]:
    numbers = {k: v for k, v in _members(value).items() if isinstance(v, int | float)}
    return {k: float(v) for k, v in numbers.items() if not abs(v) >= MAX_NUMBER}


def _array(values: object, dimensions: int, length: int | None = None) -> Numbers:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or length not in (None, len(array)):
        raise ValueError(f"its curve has a column of {array.shape}, not of all {length} epochs")
    return array
