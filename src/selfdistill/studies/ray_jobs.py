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
from .local_jobs import GRACE_SECONDS, POLL_SECONDS, is_late, stopped
from .result import FAULT, LOCKED, Budget, RunResult, cut_off, not_begun, train_run

RETRIES = 5
LOCK_SECONDS = 120.0
"""How long a run waits for its folder: a dead node's lock falls when the storage notices."""


def run_all(
    jobs: Sequence[Job],
    on_end: Callable[[RunResult], None],
    budget: Budget | None = None,
    *,
    cpus: int,
    gpus: float,
) -> None:
    """Train every run on the cluster; the interface of :func:`.local_jobs.run_all`.

    Args:
        jobs: What to train.
        on_end: Called as each run ends.
        budget: When runs save and stop, and no other begins; None for no limit.
        cpus: Processor cores, and threads, of each run.
        gpus: GPUs of each run; a half lets two share one.

    Raises:
        ValueError: If Ray is not installed or no cluster is to be found.
        Stopped: If a signal came; the runs were told to save.
    """
    with _connected() as ray, StopRequest() as stop:
        _warn_of_too_much(ray, cpus, gpus)
        for job in jobs:
            job.directory.mkdir(parents=True, exist_ok=True)
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)(_on_node)
        numbers = {
            task.remote(number, job, budget, cpus, str(Path.cwd())): number
            for number, job in enumerate(jobs)
        }
        left, stopping = list(numbers), False
        while left:
            ready, left = ray.wait(left, timeout=POLL_SECONDS)
            for reference in ready:
                on_end(_result(ray, reference, numbers[reference], stopping=stopping))
            if (is_late(budget) or stop.received is not None) and not stopping:
                stopping = True
                for reference in left:
                    ray.cancel(reference)
            if stop.received is not None:
                if left:
                    ray.wait(left, num_returns=len(left), timeout=GRACE_SECONDS / 2)
                raise stopped(stop.received)


def _on_node(number: int, job: Job, budget: Budget | None, threads: int, folder: str) -> RunResult:
    """Train one run on whatever node this is."""
    node = socket.gethostname()
    if not Path(folder).is_dir():
        reason = f"node {node} has no folder {folder}: start the study where all nodes have one"
        return RunResult(number, None, reason, 0.0, 4)
    os.chdir(folder)
    if not job.directory.is_dir():
        reason = f"node {node} does not see {job.directory}: --out must lie on shared storage"
        return RunResult(number, None, reason, 0.0, 4)
    if budget and (why := budget.why_not_begin(job.directory)):
        return not_begun(number, why)
    patience = time.time() + LOCK_SECONDS
    while True:
        end = train_run(number, job, budget=budget, threads=threads)
        if end.code != LOCKED or time.time() >= patience:
            return end
        time.sleep(1)


@contextlib.contextmanager
def _connected() -> Generator[ModuleType]:
    """Ray, with a connection to the cluster that is there."""
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
