"""A finished run: what its summary says, and what lies beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
from .predictions import Numbers, TestPredictions, open_arrays, read_predictions

MAX_NUMBER = 1e300
"""No number of a summary is larger."""


@dataclass(frozen=True)
class Headline:
    """What the deployed network reached on one split after the last epoch."""

    accuracy: float
    """Percent."""
    nll: float
    """Nats."""
    ece: float
    """Percent."""


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
class Thumbnails:
    """Test images with the most attention on a stage, kept by the run."""

    images: NDArray[np.uint8]
    """``images × height × width × 3``."""
    indices: NDArray[np.int64]
    """Positions in the test split."""
    stages: NDArray[np.int64]
    """The shallow stage, from 0."""
    cams: NDArray[np.uint8]
    """Class activation maps of the stage's exit, ``images × height × width``, 255 the most."""


@dataclass(frozen=True)
class Run:
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
    images: Mapping[str, object]
    """Images in each split, where the summary tells."""
    scores: Mapping[str, Headline]
    """By split: ``validation``, ``test``; a split that was not read is absent."""
    cost: Cost

    @property
    def method(self) -> str:
        """The method's name."""
        return str(self.fields["method.class_path"]).rpartition(".")[2]

    def exit_scores(self, split: str) -> dict[str, dict[str, float]]:
        """All scores by exit after the last epoch, in the order of the summary."""
        exits = _members(_members(self.summary.get(split)).get("last"))
        return {name: _numbers(values) for name, values in exits.items()}

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
        return read_predictions(self._directory.predictions_file, self._test_images)

    @cached_property
    def thumbnails(self) -> Thumbnails | None:
        """Test images with the most attention on a stage, where the run keeps some."""
        file = self._directory.top_attended_file
        if not file.is_file():
            return None
        with open_arrays(file, self._test_images) as arrays:
            images, cams = (np.asarray(arrays[name], np.uint8) for name in ("images", "cams"))
            indices, stages = (np.asarray(arrays[n], np.int64) for n in ("indices", "block"))
            count = len(images)
            shapes = (images.shape, cams.shape, indices.shape, stages.shape)
            if shapes != ((*cams.shape, 3), (count, *images.shape[1:3]), (count,), (count,)):
                raise ValueError(f"arrays of {shapes} do not go together")
            return Thumbnails(images, indices, stages, cams)

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
        """Read all that a report shows.

        Raises:
            ValueError: If something is damaged; the message names the file.
        """
        predictions, classes, file = self.predictions, self.classes, summary_file(self.path)
        if predictions is not None and classes and len(classes) != predictions.num_classes:
            raise ValueError(
                f"{self._model_description} names {len(classes)} classes, and "
                f"{self._directory.predictions_file.name} predicts {predictions.num_classes}: "
                "restore them from a copy"
            )
        for split, scores in self.scores.items():
            if not 0 <= scores.accuracy <= 100:
                raise ValueError(f"{file} is damaged: its {split} accuracy is {scores.accuracy} %")
        _ = self.thumbnails, self.best_test_epoch, self.files
        try:
            _ = self.curve, self.macs, [self.corruptions(split) for split in SCORED_SPLITS]
        except (ValueError, TypeError) as error:
            raise ValueError(f"{file} is damaged: {error}") from None

    def missing(self) -> list[Path]:
        """Files that the run ended with, a report would read, and that are missing now."""
        if not self.path.is_dir():  # a copy of the summary alone
            return []
        run = self._directory
        files = (
            self._model_description,
            run.predictions_file,
            run.top_attended_file,
            run.files_file,
        )
        recorded = _members(self.summary.get("files"))
        return [
            file
            for file in files
            if file.relative_to(self.path).as_posix() in recorded and not file.is_file()
        ]

    @property
    def _directory(self) -> RunDirectory:
        return RunDirectory(self.path)

    @property
    def _model_description(self) -> Path:
        return self._directory.model / "config.json"

    @property
    def _test_images(self) -> int | None:
        count = self.images.get("test")
        return count if isinstance(count, int) and count > 0 else None


def _members(value: object) -> dict[str, object]:
    """Members of a JSON object; none of anything else."""
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}


def _numbers(value: object) -> dict[str, float]:
    """The members of a JSON object that are numbers."""
    numbers = {k: v for k, v in _members(value).items() if isinstance(v, int | float)}
    return {k: float(v) for k, v in numbers.items() if abs(v) < MAX_NUMBER or v != v}


def _array(values: object, dimensions: int, length: int | None = None) -> Numbers:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or length not in (None, len(array)):
        raise ValueError(f"its curve has a column of {array.shape}, not of all {length} epochs")
    return array
