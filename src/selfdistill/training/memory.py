"""The most memory that a run took at one time."""

import gc
import re
import sys
from contextlib import suppress
from pathlib import Path

import torch

PROCESS = Path("/proc/self")
"""What Linux says of this process."""


def forget_peak(device: torch.device) -> None:
    """Count from here on, where the system can, whatever this process did before."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):
        (PROCESS / "clear_refs").write_text("5")


def peak(device: torch.device) -> int | None:
    """Bytes of a GPU, or else of the process, since :func:`forget_peak`; None if nobody counts.

    Where the system cannot forget they are those since the process began.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with suppress(OSError):
        if match := re.search(r"VmHWM:\s+(\d+) kB", (PROCESS / "status").read_text()):
            return 1024 * int(match[1])
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
