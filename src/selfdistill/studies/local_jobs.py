"""Runs side by side on this machine, each in a process of one thread.

A process trains one run after the other. When one dies, the run that it held is lost to this study
and another process takes its place; when the study itself dies, its processes save and end.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from ..failures import Stopped
from ..signals import StopRequest
from .layout import Job
from .result import FAULT, Budget, RunResult, cut_off, not_begun, train_run

START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
POLL_SECONDS = 0.5
GRACE_SECONDS = 6.0
"""What processes get to save after a signal; a run takes four of them at most."""


def run_all(
    jobs: Sequence[Job],
    on_end: Callable[[RunResult], None],
    budget: Budget | None = None,
    *,
    processes: int,
) -> None:
    """Train every run; finished ones are left as they are, and one that fails stops no other.

    Args:
        jobs: What to train.
        on_end: Called as each run ends.
        budget: When runs save and stop, and no other begins; None for no limit.
        processes: How many at the same time.

    Raises:
        ValueError: If there are to be no processes.
        Stopped: If a signal came; the runs were told to save.
    """
    if processes < 1:
        raise ValueError(f"{processes} runs at the same time: give at least 1")
    waiting = deque(range(len(jobs)))
    workers = [_Worker() for _ in range(min(processes, len(jobs)))]
    try:
        with StopRequest() as stop:
            while waiting or any(worker.busy for worker in workers):
                for worker in workers:
                    while waiting and not worker.busy:
                        number = waiting.popleft()
                        if budget and (why := budget.why_not_begin(jobs[number].directory)):
                            on_end(not_begun(number, why))
                        else:
                            worker.begin(number, jobs[number], budget)
                busy = {worker.connection: worker for worker in workers if worker.busy}
                for connection in wait(list(busy), timeout=POLL_SECONDS):
                    on_end(busy[connection].result())  # pyright: ignore[reportArgumentType]
                if stop.received is not None:
                    raise stopped(stop.received)
                if is_late(budget):
                    _tell_to_save(workers)
    finally:
        _tell_to_save(workers)
        until = time.monotonic() + GRACE_SECONDS
        for worker in workers:
            worker.close(until)


def is_late(budget: Budget | None) -> bool:
    """Whether runs should have stopped by themselves, and are told by a signal."""
    if budget is None:
        return False
    return time.time() > budget.end + min(GRACE_SECONDS / 2, 0.1 * budget.seconds)


def stopped(number: int) -> Stopped:
    """How a study ends that a signal interrupts."""
    name = signal.Signals(number).name
    return Stopped(f"stopped by {name}; runs are saved: the same command goes on", number)


class _Worker:
    """A process that trains runs, started when it is first needed."""

    def __init__(self) -> None:
        self.process: BaseProcess | None = None
        self.busy = False
        self._number = 0
        self._stopping = False

    def begin(self, number: int, job: Job, budget: Budget | None) -> None:
        """Hand it a run."""
        if self.process is None or not self.process.is_alive():
            context = multiprocessing.get_context(START)
            if START == "forkserver":
                context.set_forkserver_preload([f"{__package__}.result", "selfdistill.training"])
            self.connection, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, dict(os.environ)))  # pyright: ignore
            process.start()
            self.process = process
            theirs.close()
        self._number, self.busy, self._stopping = number, True, False
        self._since = time.time()
        with contextlib.suppress(OSError):  # it died this instant: result() will say so
            self.connection.send((number, job, budget, str(Path.cwd())))

    def result(self) -> RunResult:
        """How its run ended, or that its process did."""
        self.busy = False
        assert self.process is not None
        try:
            end: RunResult = self.connection.recv()
            if end.interrupted:
                self.process.join()
            return end
        except (EOFError, OSError):
            self.process.join()
            seconds = time.time() - self._since
            if self._stopping:
                return cut_off(self._number, seconds)
            return RunResult(self._number, None, _why(self.process.exitcode), seconds, FAULT)

    def tell_to_save(self) -> None:
        """Ask for the end of its run, once."""
        if self.busy and not self._stopping and self.process is not None:
            self.process.terminate()
            self._stopping = True

    def close(self, until: float) -> None:
        """End the process; a run that was told to save has until then to do so."""
        if self.process is None:
            return
        if not self.busy:
            self.process.terminate()
        self.process.join(max(0.0, until - time.monotonic()))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


def _tell_to_save(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.tell_to_save()


def _why(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (was memory short?)" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}: the same command goes on"
    return f"its process ended with code {exit_code}: the same command goes on"


def _serve(connection: Connection, environment: Mapping[str, str]) -> None:
    """Train runs until the other side hangs up."""
    for name in ("SIGINT", "SIGUSR1", "SIGHUP"):  # the study passes its own on, as SIGTERM
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(environment, OMP_NUM_THREADS="1")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            number, job, budget, folder = connection.recv()
            os.chdir(folder)
            end = train_run(number, job, budget=budget, threads=1)
            connection.send(end)
            if end.interrupted:
                break


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    while True:  # a run that is at its end takes no notice of the first one
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
