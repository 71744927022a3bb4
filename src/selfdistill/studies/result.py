"""One run of a study trained in this process, and how it ended."""

import contextlib
import os
import shlex
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..config.settings import parse
from ..failures import INTERNAL, ending
from ..terminal import one_line
from ..training import train

Arguments = Sequence[str]
"""A run, as the words of ``selfdistill train``."""

DONE, FAULT, LOCKED, STOPPED = 0, 1, 5, 143
"""Exit codes: finished, died of what no code stands for, held by another, saved before the end."""


class RunResult(NamedTuple):
    """How a run ended."""

    number: int
    """Its position among the runs."""
    path: Path | None
    """Its directory; None if it did not come to its end."""
    reason: str
    """Why not; empty if it did."""
    seconds: float
    code: int
    """The exit code that ``selfdistill train`` has for it."""
    warnings: tuple[str, ...] = ()
    """What it warned of."""

    @property
    def began(self) -> bool:
        """Whether it was trained at all."""
        return self.seconds > 0

    @property
    def failed(self) -> bool:
        """Whether the same command would not simply go on."""
        return self.code > 0 and not self.interrupted

    @property
    def interrupted(self) -> bool:
        """Whether a signal or the time ended it: its process trains no other run."""
        return self.code > 128


def out_of_time(number: int) -> RunResult:
    """A run that did not begin."""
    return RunResult(number, None, "not begun: the time is up", 0.0, STOPPED)


def cut_off(number: int, seconds: float) -> RunResult:
    """A run that did not save in time."""
    reason = "the time is up; its last checkpoint, if any, holds"
    return RunResult(number, None, reason, seconds, STOPPED)


def train_run(number: int, words: Arguments, *, deadline: float | None, threads: int) -> RunResult:
    """Train one run in this process, silently; whatever goes wrong becomes a reason.

    Args:
        number: Its position among the runs.
        words: The run.
        deadline: Time of the epoch at which it saves and stops; None for never.
        threads: Processor threads.
    """
    started = time.time()
    if deadline is not None and started >= deadline:
        return out_of_time(number)
    path, reason, code, caught = _train([*words, f"--threads={threads}"], deadline)
    if deadline is not None and code > 128 and time.time() >= deadline:
        reason = "the time is up; what it learned is saved"
    return RunResult(number, path, reason, time.time() - started, code, caught)


def _train(
    words: list[str], deadline: float | None
) -> tuple[Path | None, str, int, tuple[str, ...]]:
    """Directory, reason, exit code and warnings of a run."""
    limit = [] if deadline is None else [f"--stop-after={deadline - time.time():.3f}"]
    path, reason, code = None, "", DONE
    with (
        Path(os.devnull).open("w", encoding="utf-8", errors="replace") as nowhere,
        contextlib.redirect_stdout(nowhere),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        try:
            path = train(parse([*words, *limit]))
        except Exception as error:
            code, reason = ending(error)
            if reason.startswith(INTERNAL):
                command = shlex.join(["selfdistill", "train", *words, "--debug"])
                reason = f"{type(error).__name__}: {error}; where: {command}"
            reason = one_line(reason)
    said = (str(w.message) for w in caught if issubclass(w.category, UserWarning))
    return path, reason, code, tuple(dict.fromkeys(said))
