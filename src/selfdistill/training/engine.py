"""Lightning Fabric: device, number format, threads and processes."""

import logging
import os
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.plugins import Precision as Plugin
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import distributed
from torch.distributed import distributed_c10d

from ..failures import Failure, ending

T = TypeVar("T")
MAX_THREADS_PER_CORE = 8
MEETING_TIMEOUT = timedelta(minutes=5)
"""For processes that wait for each other at the start."""
WORK_TIMEOUT = timedelta(hours=2)
"""For processes that wait for one that evaluates or writes."""


def build(
    device: torch.device,
    precision: str,
    *,
    deterministic: bool = False,
    devices: int = 1,
    num_nodes: int = 1,
) -> Fabric:
    """Build Fabric; under torchrun, its numbers of devices and machines count."""
    if "LOCAL_WORLD_SIZE" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        num_nodes = int(os.environ["WORLD_SIZE"]) // devices
    else:
        _check_devices(device, devices, num_nodes)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    torch.use_deterministic_algorithms(deterministic)
    if device.type == "cuda":
        if deterministic:  # else torch refuses matrix products; read when CUDA's libraries start
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = not deterministic
    several = devices * num_nodes > 1
    start = "fork" if hasattr(sys, "ps1") else "popen"  # a prompt has no script to start again
    fabric = Fabric(
        accelerator=device.type,
        strategy=DDPStrategy(timeout=MEETING_TIMEOUT, start_method=start) if several else "auto",
        devices=devices,
        num_nodes=num_nodes,
        plugins=[_Precision(device)],
    )
    compute_in(fabric, precision)
    return fabric


def compute_in(fabric: Fabric, precision: str) -> None:
    """Choose the number format, fp32, bf16 or fp16, before a method is set up."""
    _plugin(fabric).name = precision


def number_format(fabric: Fabric) -> str:
    """The number format that is chosen."""
    return _plugin(fabric).name


def _plugin(fabric: Fabric) -> "_Precision":
    plugin = fabric.strategy.precision
    assert isinstance(plugin, _Precision)
    return plugin


@contextmanager
def torch_settings_kept() -> Generator[None]:
    """Leave torch's threads and determinism to the caller as they were before the block."""
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark


@contextmanager
def threads_used(threads: int) -> Generator[None]:
    """Compute with so many processor threads within the block."""
    with torch_settings_kept():
        use_threads(threads)
        yield


def use_threads(threads: int) -> None:
    """Compute with so many processor threads, at most a few for each core."""
    most = MAX_THREADS_PER_CORE * (os.cpu_count() or 1)
    if not 1 <= threads <= most:
        raise ValueError(
            f"--threads {threads}: give 1 to {most} on this machine of {os.cpu_count()} cores"
        )
    torch.set_num_threads(threads)


def _check_devices(device: torch.device, devices: int, num_nodes: int) -> None:
    if device.type == "cuda":
        most = torch.cuda.device_count()
    else:
        most = 1 if device.type == "mps" else max(2, os.cpu_count() or 1)
    if not 1 <= devices <= most:
        raise ValueError(f"--devices {devices}: give 1 to {most}, what there is of {device.type}")
    if num_nodes < 1:
        raise ValueError(f"--num-nodes {num_nodes}: give the number of machines, at least 1")


class _Precision(Plugin):
    """A number format, which is chosen once the processes can agree."""

    def __init__(self, device: torch.device) -> None:
        unused = torch.amp.GradScaler(device.type, enabled=False)  # loss_scale.py has its own
        self.formats = {
            "fp32": Plugin(),
            "bf16": MixedPrecision("bf16-mixed", device.type),
            "fp16": MixedPrecision("16-mixed", device.type, unused),
        }
        self.name = "fp32"

    @property
    def chosen(self) -> Plugin:
        return self.formats[self.name]

    def forward_context(self) -> AbstractContextManager[object]:
        return self.chosen.forward_context()

    def convert_input(self, data: object) -> object:
        return self.chosen.convert_input(data)

    def convert_output(self, data: object) -> object:
        return self.chosen.convert_output(data)


@contextmanager
def launched(fabric: Fabric) -> Generator[None]:
    """Start the run's other processes; leave their group when the block ends in order."""
    # The group's threads would outlive Python otherwise, which now and then aborts the process.
    fabric.launch()
    if _in_group():
        if hasattr(distributed, "set_timeout"):
            distributed.set_timeout(WORK_TIMEOUT)
        else:  # torch before 2.14
            distributed_c10d._set_pg_timeout(WORK_TIMEOUT)  # pyright: ignore
    try:
        yield
    except (Failure, ValueError, OSError):  # every process raises these alike: see on_rank_zero
        _leave_group()
        raise
    # After any other exception a peer may be dead, and leaving would wait for it.
    _leave_group()


def _leave_group() -> None:
    if _in_group():
        distributed.destroy_process_group()


def _in_group() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def log(fabric: Fabric, text: str) -> None:
    """Print a line, in the first process alone."""
    if fabric.is_global_zero:
        print(text, flush=True)


def on_rank_zero(fabric: Fabric, fn: Callable[[], T]) -> T:
    """Run ``fn`` on rank 0, and broadcast its result, or its exception."""
    result: T | Exception | None = None
    if fabric.is_global_zero:
        try:
            result = fn()
        except (Failure, ValueError, OSError) as error:
            result = error
        except Exception as error:
            if fabric.world_size == 1:
                raise
            # The others, which wait, cannot take just any exception: they get what it ends with.
            result = Failure(ending(error)[1])
            result.__cause__ = error
    result = fabric.broadcast(result)
    if isinstance(result, Exception):
        try:
            raise result
        finally:
            del result  # else the error's frames would hold the run, and its group's threads
    return result  # pyright: ignore[reportReturnType]
