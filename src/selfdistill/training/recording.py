"""Device work that is recorded once as a CUDA graph, and replayed."""

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch

WARM_UPS = 3
"""Calls before the recording: libraries choose their kernels, and lazily made memory is made."""


class Recorded:
    """Work without arguments that is replayed from its fourth call on, if it can be.

    Its first calls compute as usual, on a stream of their own. In the last of them all reads from
    the device are noticed: work with one cannot be recorded, and goes on as before, with a warning.

    The seeds of random numbers are read at each replay, from torch's generator.
    """

    def __init__(self) -> None:
        self.possible = True
        self._calls = 0
        self._replay: Callable[[], None] | None = None

    def __call__(self, work: Callable[[], None]) -> None:
        """Compute once."""
        if self._replay is not None:
            self._replay()
        elif not self.possible:
            work()
        elif self._calls < WARM_UPS:
            self._calls += 1
            with on_side_stream(), reads_noticed() as reads:
                work()
            if self._calls == WARM_UPS and reads:
                self._give_up(f"a step reads from the device ({reads[-1]})")
        else:
            try:
                self._replay = record(work)
            except RuntimeError as error:
                first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                self._give_up(first)
                work()
            else:
                self._replay()

    def _give_up(self, reason: str) -> None:
        self.possible = False
        warnings.warn(f"no CUDA graph, the step goes on without: {reason}", stacklevel=3)


def record(work: Callable[[], None]) -> Callable[[], None]:
    """Record work, which is not computed, as a CUDA graph; what computes it."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


@contextmanager
def on_side_stream() -> Generator[None]:
    """Compute on a stream of its own, as recording will, after all that was asked for before."""
    current, side = torch.cuda.current_stream(), torch.cuda.Stream()
    side.wait_stream(current)
    with torch.cuda.stream(side):
        yield
    current.wait_stream(side)


@contextmanager
def reads_noticed() -> Generator[list[str]]:
    """Notice where the host waits for a number of the device: what torch says of each."""
    reads: list[str] = []
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield reads
    finally:
        torch.cuda.set_sync_debug_mode(before)
    for each in caught:
        if "synchroniz" in str(each.message):
            reads.append(f"{each.filename.rpartition('/')[2]}, line {each.lineno}")
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
