"""Runs on the nodes of a Ray cluster; the same runs as on one machine, with the same files.

A run is a task. When its node dies, Ray hands it to another, where it goes on from its checkpoint:
run directories must lie on storage that all nodes see.
"""

import contextlib
import importlib
import logging
import os
import socket
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import ModuleType

from ..signals import StopRequest
from .layout import Job
from .local_jobs import GRACE_SECONDS, POLL_SECONDS, last_moment, stopped
from .result import FAULT, LOCKED, RunResult, cut_off, train_run

RETRIES = 5
LOCK_SECONDS = 120.0
"""How long a run waits for its folder: a dead node's lock falls when the storage notices."""


def run_all(
    jobs: Sequence[Job],
    on_end: Callable[[RunResult], None],
    seconds: float | None = None,
    *,
    cpus: int,
    gpus: float,
) -> list[RunResult]:
    """Train every run on the cluster; the interface of :func:`.local_jobs.run_all`.

    Args:
        jobs: What to train.
        on_end: Called as each run ends.
        seconds: After so many, runs save and stop, and no other begins; None for no limit.
        cpus: Processor cores, and threads, of each run.
        gpus: GPUs of each run; a half lets two share one.

    Returns:
        How each run ended, in the order of the runs.

    Raises:
        ValueError: If Ray is not installed or no cluster is to be found.
        Stopped: If a signal came; the runs were told to save.
    """
    deadline = None if seconds is None else time.time() + seconds
    last = None if seconds is None else last_moment(seconds)
    ended: list[RunResult] = []
    with _connected() as ray, StopRequest() as stop:
        _warn_of_too_much(ray, cpus, gpus)
        for job in jobs:
            _directory(job).mkdir(parents=True, exist_ok=True)
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)(_on_node)
        numbers = {
            task.remote(number, job, deadline, cpus, str(Path.cwd())): number
            for number, job in enumerate(jobs)
        }
        left, stopping = list(numbers), False
        while left:
            ready, left = ray.wait(left, timeout=POLL_SECONDS)
            for reference in ready:
                ended.append(_result(ray, reference, numbers[reference], stopping=stopping))
                on_end(ended[-1])
            late = last is not None and time.time() > last
            if (late or stop.received is not None) and not stopping:
                stopping = True
                for reference in left:
                    ray.cancel(reference)
            if stop.received is not None:
                if left:
                    ray.wait(left, num_returns=len(left), timeout=GRACE_SECONDS / 2)
                raise stopped(stop.received)
    return sorted(ended)


def _on_node(number: int, job: Job, deadline: float | None, threads: int, folder: str) -> RunResult:
    """Train one run on whatever node this is."""
    node = socket.gethostname()
    if not Path(folder).is_dir():
        reason = f"node {node} has no folder {folder}: start the study where all nodes have one"
        return RunResult(number, None, reason, 0.0, 4)
    os.chdir(folder)
    if not _directory(job).is_dir():
        reason = f"node {node} does not see {_directory(job)}: --out must lie on shared storage"
        return RunResult(number, None, reason, 0.0, 4)
    patience = time.time() + LOCK_SECONDS
    while True:
        end = train_run(number, job, deadline=deadline, threads=threads)
        if end.code != LOCKED or time.time() >= patience:
            return end
        time.sleep(1)


def _directory(job: Job) -> Path:
    assert job.settings.execution.out is not None
    return job.settings.execution.out


@contextlib.contextmanager
def _connected() -> Generator[ModuleType]:
    """Ray, with a connection to the cluster that is there.

    Raises:
        ValueError: If Ray is not installed or no cluster is there.
    """
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise ValueError(
            '--engine ray needs Ray, which is not installed: pip install "selfdistill[ray]"'
        ) from error
    ours = not ray.is_initialized()
    if ours:
        try:
            ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
        except ConnectionError as error:
            raise ValueError(
                "--engine ray finds no Ray cluster: start one with `ray start --head`, add "
                "machines with `ray start --address=HEAD:6379`, or say where it is in RAY_ADDRESS"
            ) from error
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _warn_of_too_much(ray: ModuleType, cpus: int, gpus: float) -> None:
    """A task that no node can hold waits, perhaps for ever."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(n.get("CPU", 0) >= cpus and n.get("GPU", 0) >= gpus for n in nodes):
        there = "; ".join(f"{n.get('CPU', 0):g} CPUs, {n.get('GPU', 0):g} GPUs" for n in nodes)
        warnings.warn(
            f"no node has {cpus} CPUs and {gpus:g} GPUs for a run (there are {there}): runs wait "
            "until one joins; lower --cpus or --gpus if none will",
            stacklevel=4,
        )


def _result(ray: ModuleType, reference: object, number: int, *, stopping: bool) -> RunResult:
    """How a task ended, or why Ray lost it."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        if stopping:
            return cut_off(number, 0.0)
        what = str(error).strip().splitlines()[0]
        reason = f"Ray lost it ({type(error).__name__}: {what}): the same command goes on"
        return RunResult(number, None, reason, 0.0, FAULT)
