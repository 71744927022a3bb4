"""Which images of a finished run, or of other data, are looked at."""

import warnings
from collections.abc import Iterable
from typing import NamedTuple

import torch

from ..data import ImageSet
from ..runs import SPLITS, changed_files
from .finished_run import FinishedRun


class ChosenImages(NamedTuple):
    """The images to look at; their labels count the run's classes."""

    parts: dict[str, ImageSet]
    """By split."""
    own: bool
    """Whether they are the run's own, whose scores it keeps."""


def choose_images(finished: FinishedRun, split: str | None) -> ChosenImages:
    """The images that ``--data`` names, all or those of the split; else a split of the run's."""
    run, own = finished.run, False
    try:
        splits = finished.splits
    except ValueError:
        if not finished.names_data:
            raise
        parts = finished.images.parts()  # too few to train on may be looked at
    else:
        digest = splits.digest()
        own = digest == finished.split_hash
        if not own and not finished.names_data:
            hashes = f"split {finished.split_hash} there, {digest} here"
            raise ValueError(
                f"the images of {run.path} are not those it was trained with "
                f"({changed_files(run, splits.files) or hashes}): restore them, or say where they "
                "are with --data.root"
            )
        by_name: dict[str, ImageSet | None] = {name: getattr(splits, name) for name in SPLITS}
        parts = {name: part for name, part in by_name.items() if part is not None}
    if own:
        split = split or ("validation" if "validation" in parts else "test")
        if split not in parts:
            raise ValueError(f"{run.path} was trained without {split} images: choose --split test")
    chosen = {name: part for name, part in parts.items() if split in (None, name)}
    if not chosen:
        raise ValueError(f"there are no {split} images, but {', '.join(parts)}: leave out --split")
    if not own:
        _check_classes(finished, chosen.values())
    in_order = {name: _in_order(part, finished.classes) for name, part in chosen.items()}
    return ChosenImages(in_order, own)


def _check_classes(finished: FinishedRun, parts: Iterable[ImageSet]) -> None:
    """Refuse images of classes that the run does not know; say which it knows and they lack."""
    known = set(finished.classes)
    present = {part.classes[int(label)] for part in parts for label in part.labels.unique()}
    if known == present:
        return
    differences = [
        f"{what} {', '.join(repr(name) for name in sorted(names)[:5])}"
        + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        for what, names in (("lack", known - present), ("add", present - known))
        if names
    ]
    message = f"the images {', and '.join(differences)}"
    if present - known:
        raise ValueError(f"the classes are not those of {finished.run.path}: {message}")
    warnings.warn(f"{message}: scores are of the classes that there are", stacklevel=3)


def _in_order(images: ImageSet, classes: tuple[str, ...]) -> ImageSet:
    """The images with labels that count the classes in the run's order."""
    positions = [classes.index(name) if name in classes else -1 for name in images.classes]
    labels = torch.tensor(positions)[images.labels]  # -1 for classes without images
    return ImageSet(images.images, labels, classes)
