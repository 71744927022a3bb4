"""Which images of a finished run, or of other data, are looked at."""

import warnings
from collections.abc import Iterable
from typing import NamedTuple

import torch

from ..data import ImageSet, Splits
from ..runs import SPLITS, RunDirectory, changed_files
from .finished_run import FinishedRun


class ChosenImages(NamedTuple):
    """The images to look at; their labels count the run's classes."""

    parts: dict[str, ImageSet]
    """By split."""
    own: bool
    """Whether they are the run's own, whose scores it keeps."""


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
