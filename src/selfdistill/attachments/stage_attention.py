r"""Attention of the deepest stage (query) over the shallow stages (keys), image by image.

.. math::
    q = \mathrm{flat}(\mathrm{BN}_q(W_q F_L)), \quad
    k_l = \mathrm{flat}(\mathrm{BN}_l(W_l \,\mathrm{pool}(F_l))), \quad
    \alpha_b = \mathrm{softmax}_l\left(\frac{\langle q_b, k_{bl} \rangle}{s}\right)
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..backbones import Backbone
from ..losses import at_least_single
from .exits import pool_to


class StageAttention(nn.Module):
    """Attention on each shallow stage for each image.

    Args:
        backbone: The network whose stages are weighed.
        dim: Channels d of queries and keys.
        pooled: Average queries and keys over positions: one vector a stage instead of a map.
        zero_start: Start the query's scale at zero, so that every stage gets the same share until
            training moves it. Without it the strongest stage holds most of the share from the
            first step, because untrained queries and keys correlate at random.
    """

    def __init__(
        self, backbone: Backbone, *, dim: int = 128, pooled: bool = False, zero_start: bool = False
    ) -> None:
        super().__init__()
        *shallow, deepest = backbone.channels
        self.pooled = pooled
        self.query = _projection(deepest, dim)
        self.keys = nn.ModuleList(_projection(channels, dim) for channels in shallow)
        if zero_start:
            nn.init.zeros_(self.query[1].weight)  # pyright: ignore[reportArgumentType]

    def forward(
        self, features: tuple[Float[Tensor, "batch _ _ _"], ...], *, temperature: float
    ) -> Float[Tensor, "batch stages"]:
        r"""Attention that sums to one over the shallow stages.

        Args:
            features: The maps that a backbone shows, shallow to deep.
            temperature: :math:`\tau` in :math:`s = \tau \sqrt{D}`, D the length of a query.
        """
        energies, length = self.energies(features)
        return (energies / (temperature * length**0.5)).softmax(1)

    def energies(
        self, features: tuple[Float[Tensor, "batch _ _ _"], ...]
    ) -> tuple[Float[Tensor, "batch stages"], int]:
        r"""Inner products :math:`\langle q_b, k_{bl} \rangle`, and the length of a query."""
        *shallow, deepest = features
        size = (1, 1) if self.pooled else (deepest.shape[-2], deepest.shape[-1])
        query = at_least_single(self.query(pool_to(deepest, size)))
        energies = [
            (query * at_least_single(key(pool_to(feature, size)))).sum((1, 2, 3))
            for key, feature in zip(self.keys, shallow, strict=True)
        ]
        return torch.stack(energies, 1), query[0].numel()


def _projection(channels: int, dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, dim, 1, bias=False), nn.BatchNorm2d(dim))
