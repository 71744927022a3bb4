"""What a network's maps look like, found by one pass that leaves no trace."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn


@contextmanager
def evaluating(network: nn.Module) -> Generator[None]:
    """Put a network into eval mode, without gradients; every module's own mode comes back."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def probe_image(
    network: nn.Module, input_size: tuple[int, int, int]
) -> Float[Tensor, "1 channels height width"]:
    """Draw one image of normal noise from its own generator, where the network's weights are."""
    image = torch.randn(1, *input_size, generator=torch.Generator().manual_seed(0))
    weights = next(network.parameters(), image)
    return image.to(weights.device, weights.dtype)


def reductions_of(
    features: tuple[Float[Tensor, "batch _ _ _"], ...], height: int
) -> tuple[float, ...]:
    """Input height divided by each map's height."""
    return tuple(height / feature.shape[2] for feature in features)
