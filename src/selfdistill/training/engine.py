"""The engine: device, number format and processes, by Lightning Fabric."""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from torch import distributed

from ..failures import Failure

ENGINE_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


def build(
    device: torch.device,
    precision: str,
    *,
    deterministic: bool = False,
    devices: int = 1,
    num_nodes: int = 1,
) -> Fabric:
    """Make an engine; ``launched`` starts its other processes.

    Args:
        device: Kind of device.
        precision: ``fp32`` or ``bf16``.
        deterministic: Only algorithms that repeat bit for bit.
        devices: Devices on each machine; torchrun's word overrides it.
        num_nodes: Machines; torchrun's word overrides it.
    """
    if "LOCAL_WORLD_SIZE" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        num_nodes = int(os.environ["WORLD_SIZE"]) // devices
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    torch.use_deterministic_algorithms(deterministic)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = not deterministic
    return Fabric(
        accelerator=device.type,
        devices=devices,
        num_nodes=num_nodes,
        precision=ENGINE_PRECISION[precision],  # pyright: ignore[reportArgumentType]
    )


@contextmanager
def launched(fabric: Fabric) -> Generator[None]:
    """Start a run's other processes; leave their group when the run ends in order.

    The group's threads would outlive Python otherwise, which now and then aborts the process.
    """
    fabric.launch()
    try:
        yield
    except (Failure, ValueError, OSError):  # every process raises these alike: see by_first
        _leave_group()
        raise
    # After any other exception a peer may be dead, and leaving would wait for it.
    _leave_group()


def _leave_group() -> None:
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def choose_device(accelerator: str) -> torch.device:
    """The kind of device behind Lightning's name for it.

    Raises:
        ValueError: If it is not to be had on this machine.
    """
    wanted = accelerator.lower()
    if wanted in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        return torch.device("cuda")
    if wanted in ("auto", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    if wanted in ("auto", "cpu"):
        return torch.device("cpu")
    raise ValueError(f"--accelerator {accelerator} is not to be had here: try auto or cpu")
