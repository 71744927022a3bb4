"""One run of a study trained in this process, and how it ended."""

import contextlib
import os
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..config import Settings
from ..failures import INTERNAL, ending
from ..terminal import one_line
from ..training import train
from .layout import Job

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


def train_run(number: int, job: Job, *, deadline: float | None, threads: int) -> RunResult:
    """Train one run in this process, silently; whatever goes wrong becomes a reason.

    Args:
        number: Its position among the runs.
        job: The run.
        deadline: Time of the epoch at which it saves and stops; None for never.
        threads: Processor threads.
    """
    started = time.time()
    if deadline is not None and started >= deadline:
        return out_of_time(number)
    execution = replace(job.settings.execution, threads=threads)
    if deadline is not None:
        execution = replace(execution, stop_after=deadline - started)
    path, reason, code, messages = _train(replace(job.settings, execution=execution), job.command)
    if deadline is not None and code > 128 and time.time() >= deadline:
        reason = "the time is up; what it learned is saved"
    return RunResult(number, path, reason, time.time() - started, code, messages)


def _train(settings: Settings, command: str) -> tuple[Path | None, str, int, tuple[str, ...]]:
    """Directory, reason, exit code and warnings of a run."""
    path, reason, code = None, "", DONE
    with (
        Path(os.devnull).open("w", encoding="utf-8", errors="replace") as nowhere,
        contextlib.redirect_stdout(nowhere),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        try:
            path = train(settings)
        except Exception as error:
            code, reason = ending(error)
            if reason.startswith(INTERNAL):
                reason = f"{type(error).__name__}: {error}; where: {command} --debug"
            reason = one_line(reason)
    messages = (str(w.message) for w in caught if issubclass(w.category, UserWarning))
    return path, reason, code, tuple(dict.fromkeys(messages))
