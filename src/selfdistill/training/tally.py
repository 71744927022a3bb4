"""What the steps of an epoch add up to."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Sums = dict[str, Float[Tensor, ""]]


class Tally:
    """Sums over the finite steps of an epoch, and a record of the others.

    All of it stays on the device: no step waits for its numbers.

    Args:
        sums: What was counted before.
        device: Where steps are taken.
    """

    def __init__(self, sums: Sums, device: torch.device) -> None:
        self.sums = sums
        self.skipped: Int[Tensor, ""] = torch.zeros((), dtype=torch.long, device=device)
        """How many steps were not finite."""
        self.first_skipped = self.skipped
        """The first of them, as the caller numbers steps."""
        self.first_terms: Sums = {}
        """What the first of them would have added."""

    def add(self, parts: Sequence[Sums], finite: Bool[Tensor, ""], step: int) -> None:
        """Count a step.

        Args:
            parts: What each part of its batch adds.
            finite: Whether it counts.
            step: Its number.
        """
        total, own = self.sums, Sums()
        for part in parts:
            total, own = _added(total, part), _added(own, part)
        first = ~finite & (self.skipped == 0)
        self.sums = _chosen(finite, total, self.sums)
        self.first_terms = _chosen(first, own, self.first_terms)
        self.first_skipped = torch.where(first, step, self.first_skipped)
        self.skipped = self.skipped + ~finite


def _added(sums: Sums, values: Sums) -> Sums:
    new = {name: sums[name] + value if name in sums else value for name, value in values.items()}
    return sums | new


def _chosen(which: Bool[Tensor, ""], one: Sums, other: Sums) -> Sums:
    return {
        name: torch.where(which, value, other.get(name, torch.zeros_like(value)))
        for name, value in one.items()
    }
