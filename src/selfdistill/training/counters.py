"""What an epoch's steps add up to, on the device, and the seconds that a run takes."""

import time
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..data import Batch
from ..methods import Output

Sums = dict[str, Float[Tensor, ""]]


class EpochMetrics:
    """An epoch's sums of terms and hits, and its first step that was not finite.

    All of it stays on the device: no step waits for its numbers.
    """

    def __init__(self, sums: Sums, device: torch.device) -> None:
        self.sums = sums
        self.bad_step: Int[Tensor, ""] = torch.zeros((), dtype=torch.long, device=device)
        """The first step whose loss or gradient was not finite, counted from 1; 0 for none."""
        self.bad_terms: Sums = {}
        """The terms of its loss."""

    def add(self, parts: Sequence[Sums], gradient_norm: Float[Tensor, ""], step: int) -> None:
        """Add a step, given the sums of each part of its batch."""
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
