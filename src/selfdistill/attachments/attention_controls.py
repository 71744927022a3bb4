"""What becomes of the shallow blocks' shares, and shares to compare learned ones with."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..losses import at_least_single, batch_mean

Shares = Float[Tensor, "batch blocks"]
AttentionKind = Literal["learned", "batch_mean", "uniform", "last", "random", "inverse"]
FIXED_KINDS = ("uniform", "last", "random")
"""Kinds that need no query and keys."""


def fixed_shares(
    kind: str, logits: Float[Tensor, "batch classes"], blocks: int, *, training: bool
) -> Shares:
    r"""Shares that look at no image.

    Args:
        kind: ``uniform``: the same for every block; ``last``: all for the deepest of the shallow
            blocks; ``random``: in training drawn anew for every image from Dirichlet(1, …, 1), by
            torch's global generator; in evaluation their mean, the same for every block, so that
            an image is told the same whenever it is looked at.
        logits: Whose batch, device and precision the shares take.
        blocks: How many shallow blocks there are.
        training: Whether the method is being trained.
    """
    assert kind in FIXED_KINDS
    shares = at_least_single(logits).new_ones(logits.shape[0], blocks)
    if kind == "last":
        shares[:, :-1] = 0
    elif kind == "random" and training:
        shares.exponential_()
    return shares / shares.sum(1, keepdim=True)


def block_weights(kind: str, alpha: Shares) -> Shares:
    r"""Weights of the shallow blocks, mean 1 over the S of them.

    .. math:: w_l = S\,\alpha_l; \qquad
        \text{inverse: } w_l = S\,\frac{\alpha_l^{-1}}{\sum_m \alpha_m^{-1}}
    """
    if kind == "inverse":
        # A share of nothing counts as the smallest number that is not rounded off.
        alpha = alpha.clamp_min(torch.finfo(alpha.dtype).tiny).log().neg().softmax(1)
    return alpha.shape[1] * alpha


class BatchMeanShares(nn.Module):
    """Gives every image the batch's mean shares; in evaluation a running mean of them.

    Args:
        blocks: How many shallow blocks there are.
        momentum: Weight of a new batch in the running mean.
    """

    running_mean: Tensor

    def __init__(self, blocks: int, *, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", torch.full((blocks,), 1 / blocks))

    def forward(self, alpha: Shares) -> Shares:
        """Mean over the batch of all processes, for each of its images."""
        if not self.training:
            return self.running_mean.to(alpha).expand_as(alpha)
        mean = batch_mean(alpha)
        self.running_mean.lerp_(mean.detach().to(self.running_mean), self.momentum)
        return mean.expand_as(alpha)


def fuse(
    z_deepest: Float[Tensor, "batch classes"],
    z: Sequence[Tensor],
    alpha: Float[Tensor, "batch blocks"],
) -> Float[Tensor, "batch classes"]:
    r"""Half the network's logits, half the exits' by their shares.

    .. math:: z_f = \tfrac12 z_L + \tfrac12 \sum_l \alpha_l z_l
    """
    exits = torch.stack([at_least_single(z_l) for z_l in z], 1)
    return at_least_single(z_deepest) / 2 + (alpha.unsqueeze(2) * exits).sum(1) / 2
