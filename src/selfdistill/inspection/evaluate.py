"""Scores of a finished run on one of its splits."""

import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..config import Execution
from ..data import ImageSet
from ..evaluation import (
    Predictions,
    accuracy_by_corruption,
    join,
    macs_per_exit,
    score,
    score_classes,
)
from ..runs import TEST_FILES, RunDirectory, replace_file
from .calibration import scaled_scores
from .chosen_images import choose_images
from .finished_run import NO_CHANGES, FinishedRun
from .top_attended import write_top_attended

ExitScores = dict[str, dict[str, float]]
ClassValue = int | float | None  # spelled out for the tests, which check types at run time


class Evaluation(NamedTuple):
    """Scores of a run on some images."""

    split: str
    """The name of the split; several names, where images of several are scored together."""
    images: int
    exits: ExitScores
    """All scores by exit."""
    classes: dict[str, dict[str, ClassValue]]
    """Number of images, and the network's precision, recall and F1 in percent, by class; None for
    recall and F1 of a class without images."""
    scaled: ExitScores
    """``temperature``, ``scaled_nll`` and ``scaled_ece`` of each exit that has a temperature."""


def evaluate(
    path: Path,
    *,
    split: str | None,
    changes: Mapping[str, object] = NO_CHANGES,
    execution: Execution | None = None,
) -> Evaluation:
    """Scores of every exit, and of each class, with the weights of the last epoch.

    The first look at a run's test images is written into its summary, and so is what exits cost
    that it does not know yet.

    Args:
        path: The run directory.
        split: ``validation`` or ``test``; None for validation, where there are such images.
        changes: Values by option that are not the run's, such as where the data lie. Where they
            name other images (``data``), these are looked at: all of them, or the split.
        execution: Where it is evaluated.

    Raises:
        ValueError: If the run is not finished, has no such split, its images have changed, or
            other images show other classes.
    """
    finished = FinishedRun(RunDirectory(path), changes, execution)
    images = choose_images(finished, split)
    predictions = join([finished.predict(part) for part in images.parts.values()])
    scores, columns = exit_scores(predictions), class_scores(predictions)
    scaled = scaled_scores(
        predictions,
        finished.temperatures,
        fitted_on_these=images.own and "validation" in images.parts,
    )
    evaluation = Evaluation(
        split=", ".join(images.parts),
        images=len(predictions.labels),
        exits=scores,
        classes={
            name: {field: column[k] for field, column in columns.items()}
            for k, name in enumerate(finished.classes)
        },
        scaled={
            name: {
                "temperature": round(finished.temperatures[name], 6),
                "scaled_nll": of["nll"],
                "scaled_ece": of["ece"],
            }
            for name, of in scaled.items()
        },
    )
    if images.own:
        ((name, part),) = images.parts.items()
        record(finished, name, part, predictions)
    return evaluation


def record(finished: FinishedRun, name: str, images: ImageSet, predictions: Predictions) -> None:
    """Write what a run's own images of a split tell into its summary, if it does not hold it yet.

    Args:
        finished: The run.
        name: The split.
        images: Its images.
        predictions: What the method says of them.
    """
    run, summary = finished.run, finished.run.read_summary()
    updates: dict[str, object] = {}
    cost = summary.section("cost")
    macs = cost.mapping("macs_per_exit")
    if not macs.keys() >= predictions.exits.keys():
        updates["cost"] = {**cost.values, "macs_per_exit": macs | macs_per_exit(finished.method)}
    if name == "test":
        damage = run.damage()
        files = (run.predictions_file, run.top_attended_file)
        gone = {file for file in files if file.name in damage or not file.exists()}
        if "test" not in summary:
            last, columns = exit_scores(predictions), class_scores(predictions)
            updates["test"] = {"last": last, "classes": columns, "read_by": "evaluate"}
            if temperatures := finished.temperatures:
                scaled = scaled_scores(predictions, temperatures, fitted_on_these=False)
                updates["calibration"] = {**summary.mapping("calibration"), "test": scaled}
        if "test" not in summary or run.predictions_file in gone:
            write_predictions(run, predictions)
        if run.top_attended_file in gone:
            attention = predictions.attention
            write_top_attended(run, finished.method, images, attention, finished.preprocessing)
        if hashes := run.hashes(TEST_FILES):
            updates["files"] = summary.mapping("files") | hashes
    run.update_summary(updates)


def evaluate_corruptions(
    path: Path,
    *,
    split: str | None,
    changes: Mapping[str, object] = NO_CHANGES,
    execution: Execution | None = None,
    log: Callable[[str], None],
) -> dict[str, dict[str, float]]:
    """Accuracy of the network, percent, by corruption and severity; kept in the run's summary.

    Args:
        path: The run directory.
        split: As for ``evaluate``.
        changes: As for ``evaluate``.
        execution: Where it is evaluated.
        log: Shows a line, one for each corruption.

    Raises:
        ValueError: As ``evaluate`` does, or if the images are of several splits.
    """
    run = RunDirectory(path)
    finished = FinishedRun(run, changes, execution)
    images = choose_images(finished, split)
    name, *others = images.parts
    if others:
        raise ValueError(f"--corruptions reads one split at a time: choose --split {others[-1]}")
    accuracies: dict[str, dict[str, float]] = {}
    for corruption, levels in accuracy_by_corruption(
        finished.method, images.parts[name], finished.preprocessing
    ):
        accuracies[corruption] = {str(s): round(accuracy, 4) for s, accuracy in levels.items()}
        log(f"{corruption}: {', '.join(f'{accuracy:.1f}' for accuracy in levels.values())}")
    if images.own:
        known = run.read_summary().mapping("corruptions")
        run.update_summary({"corruptions": {**known, name: accuracies}})
    return accuracies


def exit_scores(predictions: Predictions) -> ExitScores:
    """All scores of every exit."""
    return {
        name: {
            metric: round(value, 6)
            for metric, value in score(logits, predictions.labels)._asdict().items()
        }
        for name, logits in predictions.exits.items()
    }


def class_scores(predictions: Predictions) -> dict[str, list[ClassValue]]:
    """The network's scores as columns, a number for each class; None where there is none."""
    scores = score_classes(predictions.exits["network"], predictions.labels)
    columns: dict[str, list[ClassValue]] = {}
    for name, column in scores._asdict().items():
        columns[name] = [None if math.isnan(v) else round(v, 4) for v in column.tolist()]
    return columns


def write_predictions(run: RunDirectory, predictions: Predictions) -> None:
    """Write test logits: the network's exactly, as rounded ones can tie; the others in half."""
    arrays = {name: logits.half().numpy() for name, logits in predictions.exits.items()}
    arrays["network"] = predictions.exits["network"].numpy()
    if predictions.attention is not None:
        arrays["attention"] = predictions.attention.half().numpy()
    buffer = io.BytesIO()
    arrays["labels"] = predictions.labels.numpy()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    replace_file(run.predictions_file, buffer.getvalue())
