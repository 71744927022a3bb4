"""Scores of a finished run on one of its splits."""

from collections.abc import Mapping
from pathlib import Path

import torch

from ..data import ImageSet, Splits
from ..evaluation import Predictions
from ..evaluation.cost import macs_per_exit
from ..evaluation.predict import join
from ..runs import RunDirectory
from ..runs.run_directory import TEST_FILES
from ..runs.storage import write_json
from . import finish
from .shown import write_shown
from .trained import TrainedRun

ExitScores = dict[str, dict[str, float]]
SPLITS = ("train", "validation", "test")


def evaluate(path: Path, *, split: str | None, words: list[str]) -> ExitScores:
    """Scores of every exit, with the weights of the last epoch.

    The first look at a run's test images is written into its summary, and so is what exits cost
    that it does not know yet.

    Args:
        path: The run directory.
        split: ``validation`` or ``test``; None for validation, where there are such images.
        words: Further settings, as ``train`` takes them, such as where the data lie. Where they
            name other images (``--data``), these are looked at: all of them, or the split.

    Raises:
        ValueError: If the run is not finished, has no such split, its images have changed, or
            other images show other classes.
    """
    run = RunDirectory(path)
    trained = TrainedRun(run, words)
    names, parts = chosen_images(trained, split)
    predictions = join([trained.predict(part) for part in parts])
    scores = finish.exit_scores(predictions)
    if not trained.on_others:
        _keep(trained, names[0], parts[0], predictions, scores)
    return scores


def chosen_images(trained: TrainedRun, split: str | None) -> tuple[tuple[str, ...], list[ImageSet]]:
    """The splits that are meant, by name, and their images; labels count the run's classes.

    Args:
        trained: The run.
        split: As for :func:`evaluate`.

    Raises:
        ValueError: As :func:`evaluate` does for the images.
    """
    splits = trained.splits
    if splits.digest() == (trained.run.read_recipe() or {}).get("split"):
        trained.on_others = False  # the run's own images, by another name
    if trained.on_others:
        _check_classes(trained)
        names = SPLITS if split is None else (split,)
    else:
        _check_images(trained.run, splits)
        names = (split or ("test" if splits.validation is None else "validation"),)
    found = {name: part for name in names if (part := getattr(splits, name)) is not None}
    if not found:
        raise ValueError(
            f"{trained.run.path} was trained without {split} images: choose --split test"
        )
    return tuple(found), [_in_order(part, trained.classes) for part in found.values()]


def _keep(
    trained: TrainedRun, split: str, images: ImageSet, predictions: Predictions, scores: ExitScores
) -> None:
    """Write into the run what it does not hold yet: its exits' cost, and what test images show."""
    run = trained.run
    stored = run.read_summary()
    summary = dict(stored.values)
    damage = run.damage()
    first = split == "test" and summary["test"] is None
    if first:
        summary["test"] = {"last": scores, "read_by": "evaluate"}
    cost = stored.section("cost").values
    known = (
        stored.section("cost").section("macs_per_exit").values if "macs_per_exit" in cost else {}
    )
    if not known.keys() >= predictions.exits.keys():
        summary["cost"] = {**cost, "macs_per_exit": known | macs_per_exit(trained.method)}
    if split == "test" and (first or _is_gone(run.predictions_file, damage)):
        finish.write_predictions(run, predictions)
    if split == "test" and _is_gone(run.shown_file, damage):
        write_shown(
            run,
            trained.method,
            images,
            predictions.attention,
            mean=trained.mean,
            std=trained.std,
            input_size=trained.input_size[1],
        )
    hashes = run.hashes(TEST_FILES)
    if split == "test" and hashes:
        files = stored.section("files").values if "files" in stored else {}
        summary["files"] = files | hashes
    if summary != stored.values:
        write_json(run.summary_file, summary)


def _is_gone(file: Path, damage: Mapping[str, str]) -> bool:
    return file.name in damage or not file.exists()


def _check_classes(trained: TrainedRun) -> None:
    known, found = (set(classes) for classes in (trained.classes, trained.splits.train.classes))
    if known == found:
        return
    parts = [
        f"{what} {', '.join(repr(name) for name in sorted(names)[:5])}"
        + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        for what, names in (("lack", known - found), ("add", found - known))
        if names
    ]
    raise ValueError(
        f"the classes are not those of {trained.run.path}: the images {', and '.join(parts)}"
    )


def _in_order(images: ImageSet, classes: tuple[str, ...]) -> ImageSet:
    """The images with labels that count the classes in the run's order."""
    positions = torch.tensor([classes.index(name) for name in images.classes])
    return ImageSet(images.images, positions[images.labels], classes)


def _check_images(run: RunDirectory, splits: Splits) -> None:
    stored = (run.read_recipe() or {}).get("split")
    if stored != splits.digest():
        raise ValueError(
            f"the images of {run.path} are not those it was trained with (split {stored} there, "
            f"{splits.digest()} here): restore them, or say where they are with --data.root"
        )
