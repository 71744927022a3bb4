"""Pictures decoded a second, with all cores: ours beside timm's loader on the same folder.

python -m benchmarks.decode [--pictures FOLDER] [--size 224] [--rounds 3] [--out FILE]

Both end in squares of the same size. Seconds are those of the clock, as processes and threads share
the work.
"""

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from selfdistill.data import ImageFolder

from .timing import compared, options, report


def make_pictures(folder: Path, count: int = 240) -> Path:
    """JPEG files of a camera's proportions, of which none is like another."""
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.integers(0, 256, (15, 20, 3), dtype=np.uint8)
        file = folder / f"class{number % 2}" / f"{number:03}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((800, 600), Image.Resampling.BICUBIC).save(file, quality=90)
    return folder


def ours(folder: Path, size: int) -> int:
    """Decode a folder as training does before its first epoch; into a cache of its own."""
    with tempfile.TemporaryDirectory() as cache, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        splits = ImageFolder(root=str(folder), image_size=size, cache_dir=cache).splits()
        parts = (splits.train, splits.validation, splits.test)
        return sum(len(part) for part in parts if part is not None)


def timms(folder: Path, size: int, workers: int) -> int:
    """Decode a folder as timm's evaluation does."""
    from timm.data import create_dataset, create_loader

    images = create_dataset("", root=str(folder))
    loader = create_loader(
        images,
        input_size=(3, size, size),
        batch_size=32,
        use_prefetcher=False,
        num_workers=workers,
        crop_pct=0.875,
        persistent_workers=False,
    )
    return sum(len(labels) for _, labels in loader)


def main(words: list[str] | None = None) -> list[dict]:
    """Measure, print and write."""
    arguments = options(__doc__, words, pictures="", size=224, rounds=3)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(arguments.pictures) if arguments.pictures else make_pictures(Path(place))
        work: dict[str, Callable[[], int]] = {
            "timm's loader": lambda: timms(folder, arguments.size, cores or 1),
            "decoded once, before training": lambda: ours(folder, arguments.size),
        }
        count = min(job() for job in work.values())
        seconds: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(arguments.rounds):
            for name, job in work.items():
                began = time.perf_counter()
                job()
                seconds[name].append(time.perf_counter() - began)
    rows = compared(seconds, "timm's loader", count, size=arguments.size, workers=cores)
    return report(rows, torch.device("cpu"), arguments.out, pictures=count)


if __name__ == "__main__":
    main()
