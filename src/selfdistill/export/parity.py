"""Whether an exported file answers as the run does, on pictures."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from ..deployment import Model
from ..failures import Failure

MAX_DIFFERENCE = 1e-4
"""Of probabilities: what other orders of summation make in single precision, and more."""
MAX_PICTURES = 2000
BATCH_SIZE = 32


class Disparity(Failure):
    """An exported file does not answer as the run does."""


class Parity(NamedTuple):
    """How far two models agree on pictures."""

    pictures: int
    difference: float
    """The largest of a probability."""
    same_class: int
    """Pictures whose most probable class is the same."""

    def __str__(self) -> str:
        return (
            f"probabilities differ by at most {self.difference:.1e}, and {self.same_class:,} of "
            f"{self.pictures:,} pictures are given the same class"
        )


def check_parity(
    model: Model, exported: Model, images: UInt8[Tensor, "pictures 3 height width"]
) -> Parity:
    """Compare what a file says of pictures with what its run says, each prepared by its own rule.

    Args:
        model: The run's.
        exported: The file's.
        images: Pictures as they are stored; of many, 2,000 are looked at.

    Raises:
        Disparity: If a probability differs by more than 1e-4, or is not a number.
    """
    difference, same, count = 0.0, 0, 0
    for pictures in _batches(spread(images)):
        expected = _probabilities(model, pictures)
        found = exported.network(_prepared(exported, pictures)).probabilities
        largest = float((found - expected).abs().max())
        difference = largest if largest > difference or largest != largest else difference
        same += int((found.argmax(1) == expected.argmax(1)).sum())
        count += len(pictures)
    parity = Parity(count, difference, same)
    if not difference <= MAX_DIFFERENCE:
        raise Disparity(
            f"the file does not answer as the run does: {parity}; a difference of "
            f"{MAX_DIFFERENCE:.0e} is allowed, so nothing was written"
        )
    return parity


def spread(
    images: UInt8[Tensor, "pictures 3 height width"],
) -> UInt8[Tensor, "chosen 3 height width"]:
    """The pictures that are looked at: all, or as many of many from their whole length."""
    if len(images) <= MAX_PICTURES:
        return images
    return images[torch.linspace(0, len(images) - 1, MAX_PICTURES).long()]


def _batches(images: UInt8[Tensor, "pictures 3 height width"]) -> Iterator[list[Image.Image]]:
    """Pictures in batches; the first is one by itself, which some files mistake."""
    for part in (images[:1], *images[1:].split(BATCH_SIZE)):
        if len(part):
            yield [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in part]


def _prepared(model: Model, pictures: list[Image.Image]) -> Float[Tensor, "batch 3 height width"]:
    return torch.stack([model.transform(picture) for picture in pictures])


@torch.no_grad()
def _probabilities(model: Model, pictures: list[Image.Image]) -> Float[Tensor, "batch classes"]:
    logits = model.logits(_prepared(model, pictures)).float()
    return (logits / model.probabilities.temperature).softmax(1)
