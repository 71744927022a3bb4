"""What this machine computes with: its device, its precision, its processor."""

from pathlib import Path
from typing import Literal

import torch

from ..backbones import Tapped
from ..methods import Method

Precision = Literal["fp32", "bf16", "fp16"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "fp16"]

BF16_FLAGS = ("amx_bf16", "avx512_bf16")


def choose_device(accelerator: str) -> torch.device:
    """The kind of device behind Lightning's name for it; a ValueError if this machine lacks it."""
    name = accelerator.lower()
    if name in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        return torch.device("cuda")
    if name in ("auto", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    if name in ("auto", "cpu"):
        return torch.device("cpu")
    raise ValueError(f"--accelerator {accelerator} is not to be had here: try auto or cpu")


def place(method: Method, device: torch.device) -> Method:
    """A method on a device, channels last but for a user's module, which keeps its own layout."""
    if isinstance(method.backbone, Tapped):
        return method.to(device)
    return method.to(device, memory_format=torch.channels_last)  # pyright: ignore


def possible_precisions(
    choice: PrecisionChoice, device: torch.device
) -> tuple[tuple[Precision, ...], str]:
    """Precisions that a run may compute in here, and why; of several the faster is measured.

    On CUDA bf16 from compute capability 8.0; fp16 below, where there are no bf16 units. On
    processors with AMX or AVX512-BF16 either bf16 or fp32: dense convolutions are 2 to 4 times
    faster in bf16, depthwise ones 2 times slower. fp32 elsewhere, because emulated bf16 is 12 times
    slower.
    """
    if choice != "auto":
        return (choice,), "asked for"
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return ("bf16" if major >= 8 else "fp16",), f"compute capability {major}.{minor}"
    if device.type != "cpu":
        return ("fp32",), f"{device.type} computes bf16 slowly or not at all"
    flags = processor_flags()
    unit = next((flag for flag in BF16_FLAGS if flag in flags), None)
    if unit is None:
        return ("fp32",), "the processor has no bf16 units"
    return ("bf16", "fp32"), f"the processor has {unit}"


def processor_flags() -> frozenset[str]:
    """Instruction sets of the first processor, as Linux names them; empty elsewhere."""
    return frozenset(_cpuinfo("flags").split())


def processor_name() -> str:
    """The first processor's model name; empty where it is unknown."""
    return _cpuinfo("model name")


def _cpuinfo(field: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == field), "")
