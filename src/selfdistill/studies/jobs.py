"""Runs side by side on this machine, each in a process of one thread."""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

Arguments = Sequence[str]
"""A run, as the words of ``selfdistill train``."""


class Ended(NamedTuple):
    """How a run ended."""

    number: int
    """Its position among the runs."""
    path: Path | None
    """Its directory; None if it did not come to its end."""
    reason: str
    """Why not; empty if it did."""
    seconds: float


def run_all(
    runs: Sequence[Arguments],
    *,
    processes: int,
    on_end: Callable[[Ended], None],
    seconds: float | None = None,
) -> list[Ended]:
    """Train every run; finished ones are left as they are, and one that fails stops no other.

    Args:
        runs: What to train.
        processes: How many at the same time.
        on_end: Called as each run ends.
        seconds: After so many, runs save and stop, and no other begins; None for no limit.

    Returns:
        How each run ended, in the order of the runs.
    """
    deadline = None if seconds is None else time.time() + seconds
    context = multiprocessing.get_context("spawn")
    ended: list[Ended] = []
    with ProcessPoolExecutor(max(1, min(processes, len(runs))), mp_context=context) as pool:
        futures = [pool.submit(_train, n, list(words), deadline) for n, words in enumerate(runs)]
        try:
            for future in as_completed(futures):
                ended.append(future.result())
                on_end(ended[-1])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(ended)


def _train(number: int, words: list[str], deadline: float | None) -> Ended:
    os.environ["OMP_NUM_THREADS"] = "1"
    from ..training import Failure, parse, train

    started = time.time()
    words = [*words, "--threads", "1"]
    if deadline is not None:
        if started >= deadline:
            return Ended(number, None, "time is up before it began", 0.0)
        words += ["--stop-after", str(deadline - started)]
    try:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            path = train(parse(words))
    except (Failure, ValueError, OSError) as error:
        return Ended(number, None, str(error), time.time() - started)
    return Ended(number, path, "", time.time() - started)
