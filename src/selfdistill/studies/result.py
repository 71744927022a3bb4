"""One run of a study trained in this process, and how it ended."""

import contextlib
import os
import time
import warnings
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from ..failures import INTERNAL, ending
from ..runs import is_run
from ..terminal import one_line
from ..training import train
from .layout import Job, seconds_needed

DONE, FAULT, LOCKED, STOPPED = 0, 1, 5, 143
"""Exit codes: finished, died of what no code stands for, held by another, saved before the end."""
RESERVE_SECONDS = 10.0
"""What is kept of a budget for the last step, the last checkpoint and the comparison."""
RESERVE_SHARE = 0.2
WHOLE_SHARE = 0.9
"""A run that needs so much of a budget fits no later one any better, so it begins anyway."""
TIME_IS_UP = "not begun: the time is up"


class Budget(NamedTuple):
    """The time that a study has for its runs."""

    seconds: float
    end: float
    """When runs save and stop, seconds since 1970."""

    @classmethod
    def from_now(cls, seconds: float) -> "Budget":
        """So many seconds, less what a study needs after its runs."""
        seconds -= min(RESERVE_SECONDS, RESERVE_SHARE * seconds)
        return cls(seconds, time.time() + seconds)

    def why_not_begin(self, directory: Path) -> str:
        """Why a run is left to the next call; empty if it goes on, or should end in time."""
        left = self.end - time.time()
        if left <= 0:
            return TIME_IS_UP
        needed = None if is_run(directory) else seconds_needed(directory)
        if needed is None or needed <= left or needed > WHOLE_SHARE * self.seconds:
            return ""
        return f"not begun: runs like it took {timedelta(seconds=round(needed))}, more than is left"


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

    @property
    def began(self) -> bool:
        """Whether it was trained at all."""
        return self.seconds > 0

    @property
    def failed(self) -> bool:
        """Whether the same command would not simply go on."""
        return 0 < self.code <= 128

    @property
    def interrupted(self) -> bool:
        """Whether a signal or the time ended it: its process trains no other run."""
        return self.began and self.code > 128


def not_begun(number: int, reason: str) -> RunResult:
    """A run that is left to the next call."""
    return RunResult(number, None, reason, 0.0, STOPPED)


def cut_off(number: int, seconds: float) -> RunResult:
    """A run that did not save in time."""
    reason = "the time is up; its last checkpoint, if any, holds"
    return RunResult(number, None, reason, seconds, STOPPED)


def train_run(number: int, job: Job, *, budget: Budget | None, threads: int) -> RunResult:
    """Train one run in this process, silently; whatever goes wrong becomes a reason."""
    execution = replace(job.settings.execution, threads=threads)
    if budget is not None:
        left = budget.end - time.time()
        if left <= 0:
            return not_begun(number, TIME_IS_UP)
        execution = replace(execution, stop_after=left)
    started = time.time()
    path, reason, code = None, "", DONE
    with (
        Path(os.devnull).open("w", encoding="utf-8", errors="replace") as nowhere,
        contextlib.redirect_stdout(nowhere),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        try:
            path = train(replace(job.settings, execution=execution))
        except Exception as error:
            code, reason = ending(error)
            if reason.startswith(INTERNAL):
                reason = f"{type(error).__name__}: {error}; where: {job.command} --debug"
            reason = one_line(reason)
    if budget is not None and code > 128 and time.time() >= budget.end:
        reason = "the time is up; what it learned is saved"
    messages = (str(w.message) for w in caught if issubclass(w.category, UserWarning))
    seconds = time.time() - started
    return RunResult(number, path, reason, seconds, code, tuple(dict.fromkeys(messages)))
