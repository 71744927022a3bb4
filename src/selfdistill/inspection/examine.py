"""One finished run examined: all that a page about it shows of the images of a split."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from ..config import Execution
from ..data import ImageSet
from ..deployment import UNSCALED, read_probabilities
from ..evaluation import (
    Predictions,
    cross_scaled,
    join,
    network_activation,
    score,
    suspect_labels,
)
from ..reports import ClassScore, ExaminedPicture, ExaminedRun, Scaled, pictures_shown, read
from ..runs import RunDirectory
from .chosen_images import choose_images
from .evaluate import class_scores, exit_scores, record
from .finished_run import NO_CHANGES, FinishedRun

MAX_SIDE = 160
"""Height and width, in pixels, that larger pictures are scaled down to for show."""


def examine(
    path: Path,
    *,
    split: str | None = None,
    changes: Mapping[str, object] = NO_CHANGES,
    execution: Execution | None = None,
) -> ExaminedRun:
    """Look at a run's images of a split, with the weights of the last epoch.

    The first look at a run's test images is written into its summary.

    Args:
        path: The run directory.
        split: ``validation`` or ``test``; None for validation, where there are such images.
        changes: Values by option that are not the run's: where the data lie now.
        execution: Where it is computed.

    Raises:
        ValueError: If the run is not finished, has no such split, or its images have changed.
    """
    run = RunDirectory(path)
    finished = FinishedRun(run, changes, execution)
    if finished.names_data:
        raise ValueError(
            f"a report is about the images that {path} was trained with: leave out --data, or "
            "score other images with `selfdistill evaluate`"
        )
    images = choose_images(finished, split)
    ((name, part),) = images.parts.items()
    predictions = join([finished.predict(part)])
    record(finished, name, part, predictions)
    logits, labels = predictions.exits["network"], predictions.labels
    probabilities = logits.double().softmax(1)
    suspects, columns = suspect_labels(logits, labels), class_scores(predictions)
    examined = ExaminedRun(
        run=read(path),
        split=name,
        class_names=finished.classes,
        files=(finished.splits.files or {}).get(name, ()),
        labels=labels.numpy(),
        probabilities=probabilities.numpy(),
        guesses={exit_: of.argmax(1).numpy() for exit_, of in predictions.exits.items()},
        scores=exit_scores(predictions),
        classes=tuple(ClassScore(*row) for row in zip(*columns.values(), strict=True)),
        attention=None if predictions.attention is None else predictions.attention.numpy(),
        suspects=tuple(suspects.tolist()),
        scaled=_scaled(run, name, predictions),
    )
    return examined.with_pictures(_pictures(finished, part, pictures_shown(examined)))


def _scaled(run: RunDirectory, split: str, predictions: Predictions) -> Scaled | None:
    """The network's probabilities at the temperature of the model folder, if it has one.

    It was fitted on the validation images: of those, each half is scaled as the other half asks.
    """
    fitted = read_probabilities(run.model)
    if fitted == UNSCALED:
        return None
    temperature = fitted.temperature
    logits = predictions.exits["network"].double() / temperature
    if split == "validation":
        logits = cross_scaled(predictions.exits["network"], predictions.labels)
    scores = score(logits, predictions.labels)._asdict()
    return Scaled(temperature, logits.softmax(1).numpy(), scores)


def _pictures(
    finished: FinishedRun, images: ImageSet, positions: Iterable[int]
) -> list[ExaminedPicture]:
    """Images as the network sees them, and what in them speaks for the class that it says."""
    pictures: list[ExaminedPicture] = []
    for position in positions:
        pixels = finished.preprocessing.center(images.images[position : position + 1])
        shown = finished.preprocessing.standardise(pixels.to(finished.device))
        activation = network_activation(finished.method.backbone, shown)
        cam, cells = None, None
        if activation is not None:
            cam = _bytes(_shrunk(255 * activation.maps[:, None].cpu()))[0, 0].numpy()
            cells = activation.cells
        small = _bytes(_shrunk(pixels.cpu().float()))[0].permute(1, 2, 0).numpy()
        pictures.append(ExaminedPicture(position, np.ascontiguousarray(small), cam, cells))
    return pictures


def _shrunk(images: Float[Tensor, "n channels _ _"]) -> Float[Tensor, "n channels _ _"]:
    factor = MAX_SIDE / max(images.shape[2:])
    if factor >= 1:
        return images
    size = [max(1, round(factor * side)) for side in images.shape[2:]]
    return F.interpolate(images, size, mode="area")


def _bytes(images: Float[Tensor, "n channels h w"]) -> UInt8[Tensor, "n channels h w"]:
    return images.round().clamp(0, 255).to(torch.uint8)
