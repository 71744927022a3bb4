"""Attention of other kinds, to compare learned attention with, and what attention weighs."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..losses import at_least_single, batch_mean

Attention = Float[Tensor, "batch stages"]
AttentionKind = Literal["learned", "batch_mean", "uniform", "last", "random", "inverse"]
FIXED_KINDS = ("uniform", "last", "random")
"""Kinds that need no query and keys."""


class FixedAttention(nn.Module):
    """Attention that looks at no image.

    Args:
        kind: ``uniform``: the same for every stage; ``last``: all for the deepest of the shallow
            stages; ``random``: in training drawn anew for every image from Dirichlet(1, …, 1), by
            torch's global generator; in evaluation their mean, the same for every stage, so that
            every look at an image yields the same.
        stages: How many shallow stages there are.
    """

    def __init__(self, kind: str, stages: int) -> None:
        super().__init__()
        assert kind in FIXED_KINDS
        self.kind = kind
        self.stages = stages

    def forward(
        self, features: tuple[Float[Tensor, "batch _ _ _"], ...], *, temperature: float
    ) -> Attention:
        """Attention that sums to one over the shallow stages, as :class:`StageAttention` gives."""
        del temperature
        deepest = at_least_single(features[-1])
        attention = deepest.new_ones(len(deepest), self.stages)
        if self.kind == "last":
            attention[:, :-1] = 0
        elif self.kind == "random" and self.training:
            attention.exponential_()
        return attention / attention.sum(1, keepdim=True)


def stage_weights(kind: str, alpha: Attention) -> Attention:
    r"""Weights of the shallow stages, mean 1 over the S of them.

    .. math:: w_l = S\,\alpha_l; \qquad
        \text{inverse: } w_l = S\,\frac{\alpha_l^{-1}}{\sum_m \alpha_m^{-1}}
    """
    if kind == "inverse":
        # A share of nothing counts as the smallest number that is not rounded off.
        alpha = alpha.clamp_min(torch.finfo(alpha.dtype).tiny).log().neg().softmax(1)
    return alpha.shape[1] * alpha


class BatchMeanAttention(nn.Module):
    """Gives every image the batch's mean attention; in evaluation a running mean of them.

    Args:
        stages: How many shallow stages there are.
        momentum: Weight of a new batch in the running mean.
    """

    running_mean: Tensor

    def __init__(self, stages: int, *, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", torch.full((stages,), 1 / stages))

    def forward(self, alpha: Attention) -> Attention:
        """Mean over the batch of all processes, for each of its images."""
        if not self.training:
            return self.running_mean.to(alpha).expand_as(alpha)
        mean = batch_mean(alpha)
        self.running_mean.lerp_(mean.detach().to(self.running_mean), self.momentum)
        return mean.expand_as(alpha)


def fuse(
    z_deepest: Float[Tensor, "batch classes"],
    z: Sequence[Tensor],
    alpha: Float[Tensor, "batch stages"],
) -> Float[Tensor, "batch classes"]:
    r"""Half the network's logits, half the exits' by their attention.

    .. math:: z_f = \tfrac12 z_L + \tfrac12 \sum_l \alpha_l z_l
    """
    exits = torch.stack([at_least_single(z_l) for z_l in z], 1)
    return at_least_single(z_deepest) / 2 + (alpha.unsqueeze(2) * exits).sum(1) / 2
