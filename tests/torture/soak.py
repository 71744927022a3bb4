"""A long run: memory, files, threads and descriptors stay what they are."""

import json
import os
import re
import shutil
from pathlib import Path

from selfdistill.training.state import TrainState

from .attempts import Attempt, promise
from .children import run
from .trained import WORDS, place

MAX_GROWTH = 16 << 20
"""Bytes that memory may wander in the second half."""


@promise("soak", "1,500 epochs with checkpoints, average, TensorBoard: memory, files, threads flat")
def soak(ground):
    epochs, path = ground.of(12, 1500), place(ground.folder, "soaked")
    shutil.rmtree(path, ignore_errors=True)
    record = ground.folder / "soak.jsonl"
    record.unlink(missing_ok=True)
    words = [*WORDS, "--epochs", str(epochs), "--method", "SKDSAM", "--logger", "tensorboard"]
    answer = run(["train", *words, "--out", path], before=lambda: _measure(record, path), cpu=3600)
    if answer.code or answer.traceback:
        yield Attempt("the run", f"code {answer.code}: {answer.last}")
        return
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    half = lines[len(lines) // 2 :]
    for name in half[0]:
        values = [line[name] for line in half]
        allowed = MAX_GROWTH if name == "memory" else 0
        grown = values[-1] - values[0]
        wrong = f"grew from {values[0]:,} to {values[-1]:,}" if grown > allowed else None
        yield Attempt(f"{name} over {epochs} epochs", wrong, "flat")


def _measure(record, path):
    """Write a line an epoch."""
    end = TrainState.end_epoch

    def measured(self):
        end(self)
        memory = int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1])
        line = {
            "memory": memory << 10,
            "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
            "threads": len(os.listdir("/proc/self/task")),  # noqa: PTH208
            "files": sum(1 for _ in path.rglob("*")),
        }
        with record.open("a") as file:
            print(json.dumps(line), file=file)

    TrainState.end_epoch = measured
