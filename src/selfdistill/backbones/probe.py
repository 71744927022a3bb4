"""What a network's maps and logits look like, found by passes that leave no trace."""

import random
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .base import Logits, Map


@contextmanager
def probing(network: nn.Module, *, training: bool = False) -> Generator[None]:
    """Put a network into eval mode, or training mode, without gradients.

    Afterwards every module is in its own mode again, its parameters, buffers and attributes are
    what they were, and so are the random numbers to come. Parameters without a shape are the
    exception: they get one.
    """
    modules = list(network.modules())
    modes = [(module, module.training) for module in modules]
    tensors = [*network.parameters(), *network.buffers()]
    lazy = any(is_lazy(tensor) for tensor in tensors)
    values = [] if lazy else [(tensor, tensor.detach().clone()) for tensor in tensors]
    attributes = [] if lazy else [(m, dict(vars(m)), dict(vars(m)["_buffers"])) for m in modules]
    state = random.getstate()
    devices = {tensor.get_device() for tensor in tensors if tensor.is_cuda}
    network.train(training)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices, enabled=not lazy):
            yield
    finally:
        for module, own, buffers in attributes:
            for name in vars(module).keys() - own.keys():
                del vars(module)[name]
            vars(module).update(own)
            vars(module)["_buffers"].update(buffers)
        with torch.no_grad():
            for tensor, value in values:
                if not torch.equal(tensor, value):
                    tensor.copy_(value)
        for module, mode in modes:
            module.training = mode
        random.setstate(state)


def probe_image(
    network: nn.Module, input_size: tuple[int, int, int], *, count: int = 1
) -> Float[Tensor, "count channels height width"]:
    """Draw images of normal noise from their own generator, where the network's weights are."""
    image = torch.randn(count, *input_size, generator=torch.Generator().manual_seed(0))
    weights = next(network.parameters(), image)
    return image.to(weights.device, weights.dtype)


def logits_of(output: object) -> Logits:
    """The logits among what a network puts out: the field ``logits``, or the first of several.

    Raises:
        ValueError: If there are none.
    """
    logits = output
    if isinstance(logits, Mapping):
        logits = logits.get("logits")
    elif not isinstance(logits, Tensor):
        logits = getattr(logits, "logits", logits)
    while isinstance(logits, Sequence) and logits and not isinstance(logits, str):
        logits = logits[0]
    if not isinstance(logits, Tensor):
        raise ValueError(
            f"the network puts out {type(output).__name__}, in which no logits are found: let it "
            "return them, alone or first, or as 'logits'"
        )
    return logits


def reductions_of(features: tuple[Map, ...], height: int) -> tuple[float, ...]:
    """Input height divided by each map's height."""
    return tuple(height / feature.shape[2] for feature in features)
