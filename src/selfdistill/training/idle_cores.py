"""How many processor cores other programs leave idle."""

import os
import time
from pathlib import Path

STATISTICS = Path("/proc/stat")
"""What Linux says of each core: its times since the machine started, in hundredths of a second."""
SECONDS = 0.2
IDLE, WAITING = 3, 4
"""Which of these times it had nothing to do, or waited for a disk."""


def idle_cores() -> float | None:
    """Cores without work while this process sleeps a moment; None where nobody counts."""
    before = _times()
    if not before:
        return None
    time.sleep(SECONDS)
    shares: list[float] = []
    for core, now in _times().items():
        spent = [b - a for a, b in zip(before.get(core, now), now, strict=True)]
        shares.append((spent[IDLE] + spent[WAITING]) / (sum(spent) or 1))
    return sum(shares)


def _times() -> dict[int, list[int]]:
    """Times of each core that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return {}
    try:
        lines = STATISTICS.read_text(encoding="utf-8").splitlines()
        rows = [line.removeprefix("cpu").split() for line in lines if line.startswith("cpu")][1:]
        times = {int(core): [int(number) for number in numbers[:8]] for core, *numbers in rows}
    except (OSError, ValueError):
        return {}
    return {core: times[core] for core in os.sched_getaffinity(0) & times.keys()}
