"""Which number format a run computes in."""

from pathlib import Path
from typing import Literal

import torch

Precision = Literal["auto", "fp32", "bf16"]
Format = Literal["fp32", "bf16"]

BF16_FLAGS = ("amx_bf16", "avx512_bf16")


def possible(precision: Precision, device: torch.device) -> tuple[tuple[Format, ...], str]:
    """Formats that a run may compute in here, with the reason; of several the faster is measured.

    bf16 on CUDA from compute capability 8.0. On processors with AMX or AVX512-BF16 either: dense
    convolutions are 2 to 4 times faster in bf16, depthwise ones 2 times slower. fp32 elsewhere,
    because emulated bf16 is 12 times slower.
    """
    if precision != "auto":
        return (precision,), "asked for"
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return ("bf16" if major >= 8 else "fp32",), f"compute capability {major}.{minor}"
    if device.type != "cpu":
        return ("fp32",), f"{device.type} computes bf16 slowly or not at all"
    flags = processor_flags()
    found = [flag for flag in BF16_FLAGS if flag in flags]
    if not found:
        return ("fp32",), "the processor has no bf16 units"
    return ("bf16", "fp32"), f"the processor has {found[0]}"


def processor_flags() -> frozenset[str]:
    """Instruction sets of the first processor, as Linux names them; empty elsewhere."""
    return frozenset(_cpuinfo("flags").split())


def processor_name() -> str:
    """The first processor's model name; empty where it is unknown."""
    return _cpuinfo("model name")


def _cpuinfo(field: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next(
        (value.strip() for key, _, value in (line.partition(":") for line in lines)
         if key.strip() == field),
        "",
    )  # fmt: skip
