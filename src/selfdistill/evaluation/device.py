"""Where a method computes."""

import torch

from ..backbones import Tapped
from ..methods import Method


def choose_device(accelerator: str) -> torch.device:
    """The kind of device behind Lightning's name for it.

    Raises:
        ValueError: If it is not to be had on this machine.
    """
    name = accelerator.lower()
    if name in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        return torch.device("cuda")
    if name in ("auto", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    if name in ("auto", "cpu"):
        return torch.device("cpu")
    raise ValueError(f"--accelerator {accelerator} is not to be had here: try auto or cpu")


def place(method: Method, device: torch.device) -> Method:
    """A method on a device, its maps channels last in memory where the network is one by name.

    A network of anybody's keeps the layout that it was written for.
    """
    if isinstance(method.backbone, Tapped):
        return method.to(device)
    return method.to(device, memory_format=torch.channels_last)  # pyright: ignore
