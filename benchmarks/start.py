"""Seconds from a command to its answer: help, and the first step of training.

python -m benchmarks.start [--rounds 3] [--out FILE]
"""

import statistics
import subprocess
import sys
import tempfile
import time

import torch

from .timing import machine, options, write

TRAINING = ("train", "--config", "digits", "--method", "CrossEntropy", "--epochs", "1")
SMALL = ("--warmup-epochs", "0", "--data.train-per-class", "4", "--data.test-per-class", "4")

COMMANDS: dict[str, tuple[str, ...]] = {
    "selfdistill --help": ("--help",),
    "selfdistill train --help": ("train", "--help"),
    "selfdistill train, all of 3 steps": (*TRAINING, "--batch-size", "13", *SMALL),
}


def seconds_of_command(words: tuple[str, ...]) -> tuple[float, float]:
    """Seconds of the clock, and of the processor, of a command in a process of its own."""
    import resource

    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "selfdistill", *words],
            cwd=folder,
            capture_output=True,
            check=True,
        )
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    arguments = options(__doc__, words, rounds=3)
    rows: list[dict] = []
    for name, command in COMMANDS.items():
        each = [seconds_of_command(command) for _ in range(arguments.rounds)]
        clock, used = (statistics.median(column) for column in zip(*each, strict=True))
        rows.append({"name": name, "seconds": clock, "processor_seconds": used})
        print(f"  {name:36} {clock:6.2f} s, {used:6.2f} s of the processor", flush=True)
    write(arguments.out, machine(torch.device("cpu")), rows)
    return rows


if __name__ == "__main__":
    main()
