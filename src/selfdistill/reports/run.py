"""A finished run, read from its directory or from a copy of its summary."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..runs import (
    SCORED_SPLITS,
    SUMMARY,
    SUMMARY_FORMAT,
    Fields,
    RunDirectory,
    Stored,
    flatten,
    read_checked_json,
    read_json,
    read_lines,
    read_summary,
    summary_file,
)
from ..terminal import shown_name
from .predictions import Numbers, TestPredictions, Thumbnails, read_predictions, read_thumbnails

MAX_NUMBER = 1e300
"""No number of a summary is larger."""
HASH_LENGTH = 8
ADDED_FIELDS: Fields = {
    "backbone.stages": None,
    "mixing": None,
    "adversary": None,
    "backbone_lr_scale": 1,
    "balance": "none",
    "balance_beta": None,
    "decay_biases": True,
    "drop_last": True,
    "patience": None,
    "select": "accuracy",
    "init": None,
}
"""Fields that older recipes lack, with the values that they imply."""


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


def read(path: Path) -> StoredRun:
    """Read a finished run.

    Args:
        path: A run directory, or a copy of its ``summary.json``.

    Raises:
        ValueError: If there is no such run, it is unfinished, or the file is no
            summary or damaged.
    """
    file = summary_file(path)
    if path.is_dir() and not file.exists():
        raise ValueError(_why_absent(RunDirectory(path)))
    if not file.exists():
        raise ValueError(f"there is no run at {path}; name a run directory or a summary file")
    run = parse(read_summary(file).values, path)
    for split, scores in run.scores.items():
        if not 0 <= scores.accuracy <= 100:
            raise ValueError(f"{file} is damaged: its {split} accuracy is {scores.accuracy} %")
    return run


def parse(summary: Mapping[str, object], path: Path) -> StoredRun:
    """Build a run from its decoded ``summary.json``; a ValueError says what is wrong with it."""
    file = summary_file(path)
    try:
        if summary["format"] != SUMMARY_FORMAT:
            raise ValueError(
                f"{file} has summary format {summary['format']!r}, and this version reads "
                f"{SUMMARY_FORMAT}; install the version of selfdistill that wrote it"
            )
        fields = {**ADDED_FIELDS, **flatten(_mapping(summary["recipe"]))}
        fields["data.split_hash"] = str(summary["split_hash"])[-HASH_LENGTH:]
        if not isinstance(fields["method.class_path"], str):
            raise TypeError(f"its method is {fields['method.class_path']!r:.40}")
        cost, weights = _mapping(summary["cost"]), summary.get("weights")
        return StoredRun(
            path=path,
            summary=summary,
            seed=_integer(fields.pop("seed")),
            fields=fields,
            weights=None if weights is None else str(weights),
            environment=_mapping(summary["environment"]),
            scores={s: _scores(summary[s]) for s in SCORED_SPLITS if summary[s] is not None},
            cost=Cost(
                seconds=_number(cost["seconds"]),
                images_per_second=_number(cost["images_per_second"]),
                parameters=_integer(cost["parameters"]),
                training_parameters=_integer(cost["training_parameters"]),
            ),
        )
    except KeyError as error:
        raise ValueError(f"{file} is not a summary of a run: it lacks {error}") from None
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{file} is not a summary of a run: {error}") from None


def logged_epochs(path: Path) -> str:
    """How many epochs an unfinished run has logged, in brackets, to follow a message."""
    log = RunDirectory(path).log_file
    try:
        lines = read_lines(log) if log.is_file() else []
    except ValueError:
        return ""  # the message is about the summary already
    return f" (it has logged {lines[-1].get('epoch')} epochs)" if lines else ""


def _why_absent(run: RunDirectory) -> str:
    if run.failure_file.exists():
        failure = read_json(run.failure_file).values
        return (
            f"{run.path} ended in epoch {failure.get('epoch')}, its loss not finite at learning "
            f"rate {failure.get('lr')}: train it anew with other settings"
        )
    if run.recipe_file.exists():
        return (
            f"{run.path} is unfinished: repeat its train command to resume it, then compare "
            f"(it has no {SUMMARY})"
        )
    return f"{run.path} is no run: it has no {SUMMARY}; name run directories or summary files"


# What a run needs raises a TypeError; what only some sections show is left out where it is odd.


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r:.40} stands where fields belong")
    return {str(key): element for key, element in value.items()}


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} stands where a number belongs")
    return float(value)


def _integer(value: object) -> int:
    number = _number(value)
    if not math.isfinite(number):
        raise TypeError(f"{number} stands where a whole number belongs")
    return int(number)


def _scores(split: object) -> Scores:
    network = _mapping(_mapping(_mapping(split)["last"])["network"])
    return Scores(*(_number(network[name]) for name in ("accuracy", "nll", "ece")))


def _members(value: object) -> Mapping[str, object]:
    return _mapping(value) if isinstance(value, Mapping) else {}


def _numbers(value: object) -> dict[str, float]:
    numbers = {k: v for k, v in _members(value).items() if isinstance(v, int | float)}
    return {k: float(v) for k, v in numbers.items() if not abs(v) >= MAX_NUMBER}


def _array(values: object, dimensions: int, length: int | None = None) -> Numbers:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or length not in (None, len(array)):
        raise ValueError(f"its curve has a column of {array.shape}, not of all {length} epochs")
    return array
