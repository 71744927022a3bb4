"""What every exit of a finished run says of one picture, and where it looks."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ..data.images import read_image
from ..deployment import confidence, read_exit_rule
from ..evaluation import class_activation
from ..reports.opinion import ExitOpinion, Opinion
from ..runs import EXIT_RULE
from .finished_run import FinishedRun


def opinion(finished: FinishedRun, file: Path, *, top_k: int = 5) -> Opinion:
    """Classes, exits and maps of a picture, each exit at its own temperature.

    Args:
        finished: The run.
        file: The picture.
        top_k: How many classes of the network to name.

    Raises:
        ValueError: If the file is no image that can be read.
    """
    image = finished.preprocessing(read_image(file))
    activation = class_activation(finished.method, image[None].to(finished.device))
    logits = activation.inspection.exits
    names = [f"exit{number}" for number in range(1, len(activation.maps))]
    maps = dict(zip([*names, "network"], activation.maps, strict=True))
    probabilities = {
        name: (of[0].float() / finished.temperatures.get(name, 1.0)).softmax(0)
        for name, of in logits.items()
    }
    exits: dict[str, ExitOpinion] = {}
    for name in sorted(logits, key=lambda name: not name.startswith("exit")):
        value, position = probabilities[name].max(0)
        cam = maps.get(name)
        pixels = None if cam is None else _bytes(cam[0])
        exits[name] = ExitOpinion(finished.classes[int(position)], float(value), pixels)
    best = probabilities["network"].topk(min(top_k, len(finished.classes)))
    return Opinion(
        finished.preprocessing.pixels(image).permute(1, 2, 0).numpy(),
        [(finished.classes[int(k)], float(p)) for p, k in zip(*best, strict=True)],
        exits,
        _stops_at(finished, logits),
    )


def _stops_at(finished: FinishedRun, logits: Mapping[str, Tensor]) -> str | None:
    """The exit at which the picture leaves by the rule of the run's model folder, if it has one."""
    if not (finished.run.model / EXIT_RULE).is_file():
        return None
    rule = read_exit_rule(finished.run.model)
    sure = (
        name
        for name, threshold in zip(rule.exits, rule.thresholds, strict=True)
        if float(confidence(logits[name])[0]) > threshold
    )
    return next(sure, "network")


def _bytes(cam: Float[Tensor, "height width"]) -> NDArray[np.uint8]:
    return (255 * cam).round().to(torch.uint8).cpu().numpy()
