"""Scores of a finished run on one of its splits."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ..config import Execution
from ..evaluation import Predictions, accuracy_by_corruption, join, macs_per_exit, score
from ..runs import TEST_FILES, RunDirectory, replace_file
from .chosen_images import choose_images
from .finished_run import NO_CHANGES, FinishedRun
from .top_attended import write_top_attended

ExitScores = dict[str, dict[str, float]]


def evaluate(
    path: Path,
    *,
    split: str | None,
    changes: Mapping[str, object] = NO_CHANGES,
    execution: Execution | None = None,
) -> ExitScores:
    """Scores of every exit, with the weights of the last epoch.

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
    scores = exit_scores(predictions)
    if not images.own:
        return scores
    run, (name, *_) = finished.run, images.parts
    summary = run.read_summary()
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
            updates["test"] = {"last": scores, "read_by": "evaluate"}
        if "test" not in summary or run.predictions_file in gone:
            write_predictions(run, predictions)
        if run.top_attended_file in gone:
            write_top_attended(
                run,
                finished.method,
                images.parts["test"],
                predictions.attention,
                finished.preprocessing,
            )
        if hashes := run.hashes(TEST_FILES):
            updates["files"] = summary.mapping("files") | hashes
    run.update_summary(updates)
    return scores


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
