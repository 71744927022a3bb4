"""What this machine can hold: the bounds of sizes that files and options ask for."""

import math
import os
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

BYTES_PER_INPUT = 100 * 4
"""Memory that a network takes for each number of an image, at the very least."""
WEIGHTS_PER_CLASS = 4096
"""Numbers that a classifier holds for each class, at most."""
COPIES = 3
"""Weights, their gradients and the optimizer's memory."""


def max_memory() -> int:
    """Bytes of memory that this process may take at all."""
    limits = [_physical_memory(), _control_group()]
    if resource is not None:
        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits.append(soft if soft > 0 else None)  # negative: without limit
    return min((limit for limit in limits if limit is not None), default=1 << 34)


def max_image_size() -> int:
    """Height and width, in pixels, beyond which no network could take an image."""
    return math.isqrt(max_memory() // (3 * BYTES_PER_INPUT))


def max_classes() -> int:
    """Classes beyond which no classifier of them could be trained."""
    return max_memory() // (COPIES * 4 * WEIGHTS_PER_CLASS)


def max_weights() -> int:
    """Weights beyond which no network could be loaded."""
    return max_memory() // 4


def check_image_size(size: int | tuple[int, int], name: str) -> None:
    """Refuse images that memory cannot hold while a network looks at them."""
    largest = size if isinstance(size, int) else max(size)
    if largest > max_image_size():
        raise ValueError(
            f"{name} {largest}: this machine's memory is enough for images of {max_image_size()} "
            "pixels at most"
        )


def _physical_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _control_group() -> int | None:
    """The limit of the control group, as containers have one."""
    try:
        return int(Path("/sys/fs/cgroup/memory.max").read_bytes())
    except (OSError, ValueError):  # there is none, or it says "max"
        return None
