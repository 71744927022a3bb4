"""What augmentation costs beside plain gathering and standardising, on one core.

Run ``python benchmarks/data_pipeline.py``. Rounds are interleaved in one process, in rotated order,
and measured in processor time; a ratio is the median over rounds of same-round ratios.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from selfdistill.data import Batches, Cutout, Flip, ImageSet, PadCrop, Pipeline, Preprocessing
from selfdistill.pairing import Partner

BATCH = 128
ROUNDS = 30
STEPS = 20
MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)


def contenders(train: ImageSet) -> dict[str, Callable[[int], object]]:
    """What is measured: each makes the batch of a step."""
    lists = {
        "plain: gather, standardise": [],
        "crop, flip": [PadCrop(), Flip()],
        "crop (reflect), flip": [PadCrop(mode="reflect"), Flip()],
        "crop, flip, cutout": [PadCrop(), Flip(), Cutout()],
    }
    result: dict[str, Callable[[int], object]] = {}
    for name, steps in lists.items():
        pipeline = Pipeline(steps, Preprocessing((32, 32), MEAN, STD))
        batches = Batches(train, pipeline=pipeline, partner=Partner.NONE, batch_size=BATCH, seed=0)
        result[name] = batches.epoch(0).batch
    return result


def measure(measured: dict[str, Callable[[int], object]], steps: int) -> dict[str, list[float]]:
    """Processor seconds per image, round by round."""
    names = list(measured)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-2, ROUNDS):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = time.process_time()
            for step in range(STEPS):
                measured[name]((turn * STEPS + step) % steps)
            if turn >= 0:
                seconds[name].append((time.process_time() - start) / (STEPS * BATCH))
    return seconds


def processor() -> str:
    """The processor's name where the system tells it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    images = torch.randint(0, 256, (50_000, 3, 32, 32), dtype=torch.uint8)
    train = ImageSet(images, torch.arange(50_000) % 100, tuple(str(k) for k in range(100)))
    seconds = measure(contenders(train), len(train) // BATCH)
    print(
        f"torch {torch.__version__}, {processor()}, 1 thread, load {os.getloadavg()[0]:.1f}, "
        f"batch {BATCH}, 3 × 32 × 32 bytes to float32 channels last, {ROUNDS} rounds"
    )
    plain, *_ = seconds.values()
    for name, own in seconds.items():
        ratios = [a / b for a, b in zip(own, plain, strict=True)]
        print(
            f"{name:28} {1e-3 / statistics.median(own):6.0f} k images/s   "
            f"{statistics.median(ratios):.2f} × plain ({min(ratios):.2f} – {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
