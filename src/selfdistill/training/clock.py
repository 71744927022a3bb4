"""Seconds that a run has taken, over all its interruptions."""

import time


class Clock:
    """Counts all seconds, and those of training steps alone.

    Args:
        seconds: Seconds of earlier processes.
        training_seconds: Of these, in training steps.
    """

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
        """Begin to count training steps."""
        self._epoch, self._steps = time.perf_counter(), 0

    def step(self) -> None:
        """Count a training step."""
        self._steps += 1

    def end_epoch(self) -> float:
        """End to count training steps; steps per second in this epoch, 0 if there were none."""
        elapsed = time.perf_counter() - self._epoch
        self.training_seconds += elapsed
        return self._steps / elapsed
