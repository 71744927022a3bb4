"""What the blocks of a trained network make of single pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ..data.images.decode import read_image
from ..deployment import load
from ..evaluation.activation import Activation, class_activation
from ..runs import RunDirectory
from .trained import TrainedRun


class Look(NamedTuple):
    """What one block makes of a picture."""

    share: float | None
    """Its share of the attention; None for the deepest, and for methods without attention."""
    heat: NDArray[np.uint8] | None
    """Where it looks, ``height × width``, 255 the most; None where that cannot be known."""
    opinion: tuple[str, float] | None
    """Its exit's most probable class, and how probable; None for a block without an exit."""


class Seen(NamedTuple):
    """A picture through the eyes of all blocks."""

    file: Path
    pixels: NDArray[np.uint8]
    """What the network sees, ``height × width × 3``."""
    looks: tuple[Look, ...]
    """By stage, shallow to deep; the last is the network's own."""


def look_at(path: Path, files: Sequence[Path], *, words: Sequence[str] = ()) -> list[Seen]:
    """Show pictures to a finished run's network, exits and attention included.

    The images that it was trained with are not needed.

    Args:
        path: The run directory.
        files: The pictures.
        words: Further settings, as ``train`` takes them.

    Raises:
        ValueError: If the run is not finished, its method has neither exits nor attention, or a
            file is no image that can be read.
    """
    trained = TrainedRun(RunDirectory(path), list(words))
    model = load(path, network=trained.method.backbone.network)
    mean, std = (torch.tensor(values)[:, None, None] for values in (trained.mean, trained.std))
    found: list[Seen] = []
    for file in files:
        image = model.transform(read_image(file))
        activation = class_activation(trained.method, image[None].to(trained.device))
        _refuse_blockless(type(trained.method).__name__, activation)
        pixels = ((image * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        looks = _looks(activation, trained.classes)
        found.append(Seen(file, pixels.permute(1, 2, 0).numpy(), looks))
    return found


def _refuse_blockless(name: str, activation: Activation) -> None:
    exits, shares = activation.inspection
    if shares is None and not any(exit.startswith("exit") for exit in exits):
        raise ValueError(
            f"{name} has neither exits nor attention to show: BYOT, SKDSAM and SKDSAMReleased do"
        )


def _looks(activation: Activation, classes: tuple[str, ...]) -> tuple[Look, ...]:
    exits, shares = activation.inspection
    stages = len(activation.maps)
    names = [*(f"exit{number}" for number in range(1, stages)), "network"]
    return tuple(
        Look(
            None if shares is None or place + 1 == stages else float(shares[0, place]),
            None if heat is None else (255 * heat[0]).round().to(torch.uint8).cpu().numpy(),
            _opinion(exits[name], classes) if name in exits else None,
        )
        for place, (name, heat) in enumerate(zip(names, activation.maps, strict=True))
    )


def _opinion(logits: Float[Tensor, "1 classes"], classes: tuple[str, ...]) -> tuple[str, float]:
    probability, position = logits[0].float().softmax(0).max(0)
    return classes[int(position)], float(probability)
