"""The loss is scaled for gradients in fp16, where small ones are zero and large ones overflow."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from lightning_fabric import Fabric
from torch import Tensor, distributed
from torch.optim import Optimizer

from .checkpoint import State
from .counters import Sums
from .engine import number_format

MIN_SCALE = 1.0
"""A gradient that overflows at this scale, or below, does so by itself."""


class LossScale:
    """A factor of the loss in fp16: halved where gradients overflow, doubled after 2,000 steps.

    A step whose gradients overflow leaves the weights as they are. In other formats it is 1 and
    does nothing. All of it stays on the device; an optimizer without a fused kernel waits to hear
    whether its step counts.
    """

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        enabled = number_format(fabric) == "fp16"
        self._scaler = torch.amp.GradScaler(fabric.device.type, enabled=enabled)
        self._one = torch.ones((), device=fabric.device)

    def scale(self, loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """The loss whose gradients are taken."""
        return self._scaler.scale(loss)

    def unscale(self, optimizer: Optimizer) -> None:
        """Make gradients those of the loss itself."""
        self._scaler.unscale_(optimizer)

    def step(
        self, optimizer: Optimizer, parts: Sequence[Sums], norm: Float[Tensor, ""]
    ) -> Bool[Tensor, ""]:
        """Step the optimizer, if the gradients are finite, and adapt the scale.

        Args:
            optimizer: With the unscaled gradients.
            parts: The terms of each part of the batch.
            norm: Of the gradients.

        Returns:
            Whether the step is bad: its loss is not finite, or a gradient is not at any scale.
        """
        bad = ~norm.isfinite()
        if self._scaler.is_enabled():
            bad &= self._beyond_scaling(parts)
        self._scaler.step(optimizer)
        self._scaler.update()
        return bad

    def _beyond_scaling(self, parts: Sequence[Sums]) -> Bool[Tensor, ""]:
        """Whether another scale would not help."""
        terms = torch.stack([term for part in parts for term in part.values()])
        sound = terms.isfinite().all().float()
        if self._fabric.world_size > 1:  # processes share gradients, but each has its own loss
            distributed.all_reduce(sound, distributed.ReduceOp.MIN)
        return (sound == 0) | (self.scale(self._one) <= MIN_SCALE)

    def state_dict(self) -> State:
        """The scale, and the steps since it changed; empty in other formats than fp16."""
        return self._scaler.state_dict()

    def load_state_dict(self, saved: State) -> None:
        """Go back to a stored scale."""
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(saved)
