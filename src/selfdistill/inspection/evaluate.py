"""Scores of a finished run on one of its splits."""

import io
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ..config import Execution
from ..data import ImageSet, Splits
from ..evaluation import Predictions, score
from ..evaluation.cost import macs_per_exit
from ..evaluation.predict import join
from ..runs import SPLITS, TEST_FILES, RunDirectory, changed_files, replace_file
from .finished_run import NO_CHANGES, FinishedRun
from .top_attended import write_top_attended

ExitScores = dict[str, dict[str, float]]


class ChosenImages(NamedTuple):
    """The images to look at; their labels count the run's classes."""

    parts: dict[str, ImageSet]
    """By split."""
    own: bool
    """Whether they are the run's own, whose scores it keeps."""


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
    if images.own:
        ((name, part),) = images.parts.items()
        _update(finished, name, part, predictions, scores)
    return scores


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


def choose_images(finished: FinishedRun, split: str | None) -> ChosenImages:
    """The images that are meant.

    Args:
        finished: The run.
        split: As for :func:`evaluate`.

    Raises:
        ValueError: As :func:`evaluate` does for the images.
    """
    parts = _other_images(finished)
    if parts is None:
        splits = finished.splits
        _check_images(finished.run, splits)
        name = split or ("test" if splits.validation is None else "validation")
        part: ImageSet | None = getattr(splits, name)
        if part is None:
            raise ValueError(
                f"{finished.run.path} was trained without {split} images: choose --split test"
            )
        return ChosenImages({name: _in_order(part, finished.classes)}, own=True)
    chosen = {name: part for name, part in parts.items() if split in (None, name)}
    if not chosen:
        raise ValueError(f"there are no {split} images, but {', '.join(parts)}: leave out --split")
    _check_classes(finished, chosen.values())
    in_order = {name: _in_order(part, finished.classes) for name, part in chosen.items()}
    return ChosenImages(in_order, own=False)


def _other_images(finished: FinishedRun) -> dict[str, ImageSet] | None:
    """The images that ``--data`` names, by split; None where they are the run's own."""
    if not finished.names_data:
        return None
    try:
        splits = finished.splits
    except ValueError:  # nothing to train on: images to look at need not be that
        return finished.recipe.build_data().parts()
    if splits.digest() == (finished.run.read_recipe() or {}).get("split"):
        return None
    parts = {name: getattr(splits, name) for name in SPLITS}
    return {name: part for name, part in parts.items() if part is not None}


def _update(
    finished: FinishedRun,
    split: str,
    images: ImageSet,
    predictions: Predictions,
    scores: ExitScores,
) -> None:
    """Write into the run what it does not hold yet: its exits' cost, and what test images show."""
    run = finished.run
    stored = run.read_summary()
    changes: dict[str, object] = {}
    damage = run.damage()
    first = split == "test" and "test" not in stored
    if first:
        changes["test"] = {"last": scores, "read_by": "evaluate"}
    cost = stored.section("cost")
    known = cost.mapping("macs_per_exit")
    if not known.keys() >= predictions.exits.keys():
        changes["cost"] = {**cost.values, "macs_per_exit": known | macs_per_exit(finished.method)}
    if split == "test" and (first or _is_gone(run.predictions_file, damage)):
        write_predictions(run, predictions)
    if split == "test" and _is_gone(run.shown_file, damage):
        write_top_attended(
            run, finished.method, images, predictions.attention, finished.preprocessing
        )
    hashes = run.hashes(TEST_FILES)
    if split == "test" and hashes:
        changes["files"] = stored.mapping("files") | hashes
    run.update_summary(changes)


def _is_gone(file: Path, damage: Mapping[str, str]) -> bool:
    return file.name in damage or not file.exists()


def _check_classes(finished: FinishedRun, parts: Iterable[ImageSet]) -> None:
    """Refuse images of classes that the run does not know; say which it knows and they lack."""
    known = set(finished.classes)
    named = {part.classes[int(label)] for part in parts for label in part.labels.unique()}
    if known == named:
        return
    differences = [
        f"{what} {', '.join(repr(name) for name in sorted(names)[:5])}"
        + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        for what, names in (("lack", known - named), ("add", named - known))
        if names
    ]
    message = f"the images {', and '.join(differences)}"
    if named - known:
        raise ValueError(f"the classes are not those of {finished.run.path}: {message}")
    warnings.warn(f"{message}: scores are of the classes that there are", stacklevel=3)


def _in_order(images: ImageSet, classes: tuple[str, ...]) -> ImageSet:
    """The images with labels that count the classes in the run's order."""
    positions = [classes.index(name) if name in classes else -1 for name in images.classes]
    labels = torch.tensor(positions)[images.labels]  # -1 for classes without images
    return ImageSet(images.images, labels, classes)


def _check_images(run: RunDirectory, splits: Splits) -> None:
    stored = (run.read_recipe() or {}).get("split")
    if stored != splits.digest():
        hashes = f"split {stored} there, {splits.digest()} here"
        raise ValueError(
            f"the images of {run.path} are not those it was trained with "
            f"({changed_files(run, splits.files) or hashes}): restore them, or say where they "
            "are with --data.root"
        )
