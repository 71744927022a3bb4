"""Which number format a run computes in."""

from pathlib import Path
from typing import Literal

import torch

Precision = Literal["auto", "fp32", "bf16"]

BF16_FLAGS = ("amx_bf16", "avx512_bf16")


def choose(precision: Precision, device: torch.device) -> tuple[Literal["fp32", "bf16"], str]:
    """Resolve ``auto``, with the reason.

    bf16 on CUDA from compute capability 8.0 and on processors with AMX or AVX512-BF16, which run
    it 2 to 4 times faster than fp32; fp32 elsewhere, because emulated bf16 is 12 times slower.
    """
    if precision != "auto":
        return precision, "asked for"
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        able = major >= 8
        reason = f"compute capability {major}.{minor}"
    elif device.type == "cpu":
        flags = processor_flags()
        found = [flag for flag in BF16_FLAGS if flag in flags]
        able = bool(found)
        reason = f"the processor has {found[0]}" if found else "the processor has no bf16 units"
    else:
        able, reason = False, f"{device.type} computes bf16 slowly or not at all"
    return ("bf16" if able else "fp32"), reason


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
