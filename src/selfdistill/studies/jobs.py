"""Runs side by side on this machine, each in a process of one thread."""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

Arguments = Sequence[str]
"""A run, as the words of ``selfdistill train``."""


def run_all(
    runs: Sequence[Arguments],
    *,
    processes: int,
    on_done: Callable[[int, Path, float], None],
) -> list[Path]:
    """Train every run; finished ones are left as they are.

    Args:
        runs: What to train.
        processes: How many at the same time.
        on_done: Called with a run's position, its directory and its seconds, as each ends.

    Returns:
        The run directories, in the order of the runs.

    Raises:
        Failure: The first that a run raised; runs that had not begun are not begun.
    """
    done: dict[int, Path] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(runs)), mp_context=context) as pool:
        futures = {pool.submit(_train, list(words)): number for number, words in enumerate(runs)}
        try:
            for future in as_completed(futures):
                number = futures[future]
                done[number], seconds = future.result()
                on_done(number, done[number], seconds)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [done[number] for number in range(len(runs))]


def _train(words: list[str]) -> tuple[Path, float]:
    os.environ["OMP_NUM_THREADS"] = "1"
    from ..training import parse, train

    started = time.perf_counter()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        path = train(parse([*words, "--threads", "1"]))
    return path, time.perf_counter() - started
