"""What an epoch's steps add up to, on the device, and the seconds that a run takes."""

import time
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..data import Batch
from ..methods import Output

Sums = dict[str, Float[Tensor, ""]]


class EpochMetrics:
    """An epoch's sums of terms and hits, and its first step that was not finite.

    All of it stays on the device, at the same place: no step waits for its numbers.
    """

    def __init__(self, device: torch.device) -> None:
        self._names: list[str] = []
        self._totals = torch.zeros(0, device=device)
        self._bad = torch.zeros(0, device=device)
        self.bad_step: Int[Tensor, ""] = torch.zeros((), dtype=torch.long, device=device)
        """The first step whose loss or gradient was not finite, counted from 1; 0 for none."""

    @property
    def sums(self) -> Sums:
        """The sums by name."""
        return dict(zip(self._names, self._totals.unbind(), strict=True))

    @property
    def bad_terms(self) -> Sums:
        """The terms of the bad step's loss."""
        return dict(zip(self._names, self._bad.unbind(), strict=True))

    def add(self, parts: Sequence[Sums], bad: Bool[Tensor, ""], step: Int[Tensor, ""]) -> None:
        """Add a step, given the sums of each part of its batch, and whether it is not finite."""
        new = [name for part in parts for name in part if name not in self._names]
        if new:
            self._names += dict.fromkeys(new)
            room = self._totals.new_zeros(len(self._names) - len(self._totals))
            self._totals, self._bad = (torch.cat((v, room)) for v in (self._totals, self._bad))
        own = torch.zeros_like(self._totals)
        for part in parts:
            nothing = own.new_zeros(()) if len(part) < len(self._names) else None
            row = torch.stack([part.get(name, nothing) for name in self._names])  # pyright: ignore
            self._totals += row
            own += row
        is_first = bad & (self.bad_step == 0)
        self.bad_step.copy_(torch.where(is_first, step, self.bad_step))
        self._bad.copy_(torch.where(is_first, own, self._bad))

    def load(self, sums: Sums) -> None:
        """Go on from an epoch's sums so far."""
        self._names = list(sums)
        self._totals = self._totals.new_zeros(len(sums))
        for total, value in zip(self._totals, sums.values(), strict=True):
            total.copy_(value)
        self._bad = torch.zeros_like(self._totals)
        self.bad_step.zero_()

    def reset(self) -> None:
        """Begin an epoch."""
        for each in (self._totals, self._bad, self.bad_step):
            each.zero_()


class Clock:
    """Seconds of a run and of its training steps, over all its interruptions."""

    def __init__(self, seconds: float = 0.0, training_seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.training_seconds = training_seconds
        self._lap = self._epoch = time.perf_counter()
        self._steps = 0

    def lap(self) -> float:
        """Count up to now; the seconds so far."""
        now = time.perf_counter()
        self.seconds += now - self._lap
        self._lap = now
        return self.seconds

    def start_epoch(self) -> None:
        self._epoch, self._steps = time.perf_counter(), 0

    def step(self) -> None:
        self._steps += 1

    def end_epoch(self) -> float:
        """Count the epoch's training; its steps per second, 0 if there were none."""
        elapsed = time.perf_counter() - self._epoch
        self.training_seconds += elapsed
        return self._steps / elapsed


def part_sums(output: Output, batch: Batch, *, share: float) -> Sums:
    """What one part of a batch adds to the epoch's sums."""
    labels = batch.labels.argmax(1) if batch.labels.ndim == 2 else batch.labels
    hits = (output.logits.detach().argmax(1) == labels).sum().float()
    return {name: term.detach() * share for name, term in output.terms.items()} | {"hits": hits}
