"""Where and with what a run was computed, and the most memory that it took at one time."""

import gc
import platform
import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from ..evaluation import processor_name

PACKAGES = ("torch", "timm", "lightning-fabric", "numpy")
PROCESS = Path("/proc/self")
"""What Linux says of this process."""


def describe(device: torch.device) -> dict[str, object]:
    """Versions, machine and command, as plain values."""
    cuda = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "processor": processor_name() or platform.processor(),
        "device": cuda or device.type,
        "threads": torch.get_num_threads(),
        "commit": _commit(),
        "argv": sys.argv[1:],
        "started": now(),
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The checkout's commit, marked where files differ from it; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    try:
        answer = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def forget_peak_memory(device: torch.device) -> None:
    """Count from here on, where the system can."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):
        (PROCESS / "clear_refs").write_bytes(b"5")


def peak_memory(device: torch.device) -> int | None:
    """Bytes of a GPU, or of the process, at their most; None if nobody counts.

    Since :func:`forget_peak_memory`, or where the system cannot forget since the process began.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with suppress(OSError):
        if match := re.search(rb"VmHWM:\s+(\d+) kB", (PROCESS / "status").read_bytes()):
            return 1024 * int(match[1])
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
