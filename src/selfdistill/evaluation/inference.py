"""Logits of every exit over a set of images."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..data import ImageSet, Preprocessing
from ..methods import Method

MAX_BATCH, MAX_BATCH_ON_CPU = (1000, 2**22), (125, 2**20)
"""Images and pixels that are classified at once; a processor's caches want few."""


class Predictions(NamedTuple):
    """What a trained method says about images."""

    exits: dict[str, Float[Tensor, "images classes"]]
    """Logits by exit; ``network`` first."""
    attention: Float[Tensor, "images stages"] | None
    labels: Int[Tensor, " images"]


@contextmanager
def evaluating(module: nn.Module) -> Generator[None]:
    """Put a module into evaluation mode; afterwards each of its parts is in its own mode again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def predict(
    method: Method,
    images: ImageSet,
    preprocessing: Preprocessing,
    *,
    batch_size: int | None = None,
    between: Callable[[], object] = nullcontext,
) -> Predictions:
    """Inspect a method in evaluation mode, batch after batch; its state is not changed.

    It is computed in the precision of its weights, as it is where it is deployed: of logits in
    bf16 one image in fifty has two equal best ones, and one in a hundred another class.

    Args:
        method: The trained method.
        images: What to classify.
        preprocessing: How images become what the network sees.
        batch_size: Images at a time; None for what memory is likely to hold.
        between: Called before each batch; what it raises ends the evaluation.
    """
    device = next(method.parameters()).device
    height, width = images.images.shape[2:]
    max_images, max_pixels = MAX_BATCH_ON_CPU if device.type == "cpu" else MAX_BATCH
    batch_size = batch_size or max(1, min(max_images, max_pixels // (height * width)))
    parts: list[Predictions] = []
    with evaluating(method), torch.no_grad():
        for start in range(0, len(images), batch_size):
            between()
            batch = slice(start, start + batch_size)
            pixels = preprocessing.center(images.images[batch].to(device))
            exits, attention = method.inspect(preprocessing.standardise(pixels))
            parts.append(Predictions(exits, attention, images.labels[batch]))
    return join(parts)


def join(parts: Sequence[Predictions]) -> Predictions:
    """Predictions of several batches or sets as one, in single precision on the CPU."""
    attention = [part.attention for part in parts if part.attention is not None]
    return Predictions(
        {n: torch.cat([part.exits[n] for part in parts]).float().cpu() for n in parts[0].exits},
        torch.cat(attention).float().cpu() if attention else None,
        torch.cat([part.labels for part in parts]).cpu(),
    )
