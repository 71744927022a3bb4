"""The engine: device, number format and processes, by Lightning Fabric."""

import logging
import os

import torch
from lightning_fabric import Fabric

ENGINE_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


def build(
    device: torch.device,
    precision: str,
    *,
    deterministic: bool = False,
    devices: int = 1,
    num_nodes: int = 1,
) -> Fabric:
    """Make an engine; ``launch`` starts its other processes.

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
