"""What the steps of an epoch add up to."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

Sums = dict[str, Float[Tensor, ""]]


class Tally:
    """Sums over the steps of an epoch, and a record of the first that was not finite.

    All of it stays on the device: no step waits for its numbers.

    Args:
        sums: What was counted before.
        device: Where steps are taken.
    """

    def __init__(self, sums: Sums, device: torch.device) -> None:
        self.sums = sums
        self.bad_step: Int[Tensor, ""] = torch.zeros((), dtype=torch.long, device=device)
        """The first step whose loss or gradient was not finite, counted from 1; 0 for none."""
        self.bad_terms: Sums = {}
        """The terms of its loss."""

    def add(self, parts: Sequence[Sums], gradient_norm: Float[Tensor, ""], step: int) -> None:
        """Count a step, given what each part of its batch adds."""
        own = Sums()
        for part in parts:
            self.sums, own = _added(self.sums, part), _added(own, part)
        is_first = ~gradient_norm.isfinite() & (self.bad_step == 0)
        self.bad_step = torch.where(is_first, step, self.bad_step)
        self.bad_terms = {
            name: torch.where(is_first, value, self.bad_terms.get(name, value))
            for name, value in own.items()
        }


def _added(sums: Sums, values: Sums) -> Sums:
    new = {name: sums[name] + value if name in sums else value for name, value in values.items()}
    return sums | new
