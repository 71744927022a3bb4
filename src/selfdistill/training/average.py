"""The moving average of weights."""

# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false

from collections.abc import Iterable
from itertools import chain

import torch
from torch import Tensor, nn


@torch.no_grad()
def follow(average: nn.Module, module: nn.Module, *, share: float) -> None:
    r"""Move averaged parameters and buffers towards those of a module of the same make.

    .. math:: \bar\theta \leftarrow \bar\theta + s\,(\theta - \bar\theta)

    Buffers of whole numbers are copied.

    Args:
        average: Holds the averages.
        module: Holds the current values.
        share: The share :math:`s` of the way, in [0, 1]; 1 copies.
    """
    pairs = list(zip(held(average), held(module), strict=True))
    fractions = [(mean, now) for mean, now in pairs if mean.is_floating_point()]
    torch._foreach_lerp_(*map(list, zip(*fractions, strict=True)), share)  # pyright: ignore
    for mean, now in pairs:
        if not mean.is_floating_point():
            mean.copy_(now)


def share_of_step(decay: float, step: int) -> float:
    r"""The share of the way that an average goes in a step.

    .. math:: s_t = \max(1 - d, (1 + t)^{-2/3})

    So an average never remembers more steps than there were, and the first one copies: timm's
    ``ModelEmaV3`` with its warm-up.

    Args:
        decay: :math:`d`, the share that the average keeps once it has seen enough.
        step: :math:`t`, how many steps came before.
    """
    return max(1 - decay, (1 + step) ** (-2 / 3))


def held(module: nn.Module) -> Iterable[Tensor]:
    """Parameters, then buffers."""
    return chain(module.parameters(), module.buffers())
