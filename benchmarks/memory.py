"""The most memory that training takes: methods against cross-entropy, each a process of its own.

python -m benchmarks.memory [--backbone resnet18_cifar] [--batch 128] [--methods …] [--out FILE]
"""

import subprocess
import sys
from pathlib import Path

import torch

from selfdistill.evaluation import choose_device
from selfdistill.training.environment import forget_peak_memory, peak_memory

from .timing import machine, options, write
from .training import Training, methods, random_images

ROOT = Path(__file__).parents[1]


def peak(name: str, backbone: str, batch: int) -> int:
    """Bytes that training has taken more than the process before it, after some steps."""
    device = choose_device("auto")
    images = random_images(2 * batch, device)
    forget_peak_memory(device)
    before = peak_memory(device) or 0
    training = Training(name, "eager", images, backbone=backbone, batch=batch, precision="fp32")
    for _ in range(3):
        training.step()
    return (peak_memory(device) or 0) - before


def peak_of_process(name: str, backbone: str, batch: int) -> int:
    """The same, of a process that has done nothing else."""
    code = (
        "import torch; torch.set_num_threads(1); from benchmarks.memory import peak; "
        f"print(peak({name!r}, {backbone!r}, {batch}))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(child.stdout.split()[-1])


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    arguments = options(
        __doc__, words, backbone="resnet18_cifar", batch=128, methods=list(methods())
    )
    rows: list[dict] = []
    for name in dict.fromkeys(["CrossEntropy", *arguments.methods]):
        taken = peak_of_process(name, arguments.backbone, arguments.batch)
        base = rows[0]["bytes"] if rows else taken
        ratio = taken / base
        rows.append({"name": name, "bytes": taken, "ratio": ratio, "batch": arguments.batch})
        print(f"  {name:16} {taken / 2**20:8.0f} MiB  {ratio:.2f} × CrossEntropy", flush=True)
    about = {"backbone": arguments.backbone, "precision": "fp32"}
    write(arguments.out, machine(torch.device("cpu"), **about), rows)
    return rows


if __name__ == "__main__":
    main()
