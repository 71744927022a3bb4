"""Scores of a finished run on one of its splits."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from ..data import ImageSet, Splits
from ..evaluation import Predictions
from ..evaluation.cost import macs_per_exit
from ..evaluation.predict import join
from ..runs import TEST_FILES, RunDirectory
from . import finish
from .resuming import changed_files
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
    others = _other_images(trained)
    if others is None:
        splits = trained.splits
        _check_images(trained.run, splits)
        name = split or ("test" if splits.validation is None else "validation")
        part: ImageSet | None = getattr(splits, name)
        if part is None:
            raise ValueError(
                f"{trained.run.path} was trained without {split} images: choose --split test"
            )
        return (name,), [_in_order(part, trained.classes)]
    found = {name: part for name, part in others.items() if split in (None, name)}
    if not found:
        raise ValueError(f"there are no {split} images, but {', '.join(others)}: leave out --split")
    _check_classes(trained, found.values())
    return tuple(found), [_in_order(part, trained.classes) for part in found.values()]


def _other_images(trained: TrainedRun) -> dict[str, ImageSet] | None:
    """The images that ``--data`` names, by split; None where they are the run's own."""
    if not trained.on_others:
        return None
    try:
        splits = trained.splits
    except ValueError:  # nothing to train on: images to look at need not be that
        return trained.recipe.data.parts()
    trained.on_others = splits.digest() != (trained.run.read_recipe() or {}).get("split")
    parts = {name: getattr(splits, name) for name in SPLITS}
    held = {name: part for name, part in parts.items() if part is not None}
    return held if trained.on_others else None


def _keep(
    trained: TrainedRun, split: str, images: ImageSet, predictions: Predictions, scores: ExitScores
) -> None:
    """Write into the run what it does not hold yet: its exits' cost, and what test images show."""
    run = trained.run
    stored = run.read_summary()
    changes: dict[str, object] = {}
    damage = run.damage()
    first = split == "test" and "test" not in stored
    if first:
        changes["test"] = {"last": scores, "read_by": "evaluate"}
    cost = stored.section("cost")
    known = cost.mapping("macs_per_exit")
    if not known.keys() >= predictions.exits.keys():
        changes["cost"] = {**cost.values, "macs_per_exit": known | macs_per_exit(trained.method)}
    if split == "test" and (first or _is_gone(run.predictions_file, damage)):
        finish.write_predictions(run, predictions)
    if split == "test" and _is_gone(run.shown_file, damage):
        write_shown(
            run,
            trained.method,
            images,
            predictions.attention,
            trained.preprocessing,
        )
    hashes = run.hashes(TEST_FILES)
    if split == "test" and hashes:
        changes["files"] = stored.mapping("files") | hashes
    run.update_summary(changes)


def _is_gone(file: Path, damage: Mapping[str, str]) -> bool:
    return file.name in damage or not file.exists()


def _check_classes(trained: TrainedRun, parts: Iterable[ImageSet]) -> None:
    """Refuse images of classes that the run does not know; say which it knows and they lack."""
    known = set(trained.classes)
    found = {part.classes[int(label)] for part in parts for label in part.labels.unique()}
    if known == found:
        return
    differences = [
        f"{what} {', '.join(repr(name) for name in sorted(names)[:5])}"
        + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        for what, names in (("lack", known - found), ("add", found - known))
        if names
    ]
    told = f"the images {', and '.join(differences)}"
    if found - known:
        raise ValueError(f"the classes are not those of {trained.run.path}: {told}")
    warnings.warn(f"{told}: scores are of the classes that there are", stacklevel=3)


def _in_order(images: ImageSet, classes: tuple[str, ...]) -> ImageSet:
    """The images with labels that count the classes in the run's order."""
    held = [classes.index(name) if name in classes else -1 for name in images.classes]
    positions = torch.tensor(held)  # -1 for classes without images
    return ImageSet(images.images, positions[images.labels], classes)


def _check_images(run: RunDirectory, splits: Splits) -> None:
    stored = (run.read_recipe() or {}).get("split")
    if stored != splits.digest():
        hashes = f"split {stored} there, {splits.digest()} here"
        raise ValueError(
            f"the images of {run.path} are not those it was trained with "
            f"({changed_files(run, splits.files) or hashes}): restore them, or say where they "
            "are with --data.root"
        )
