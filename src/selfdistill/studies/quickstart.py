"""A first look: does a network that teaches itself get better than one that does not?"""

import os
from pathlib import Path

METHODS = ("CrossEntropy", "SKDSAM")
SEEDS = 3


def quickstart(folder: Path) -> list[Path]:
    """Train cross-entropy and SKDSAM on the embedded digits, three seeds each.

    Runs that are finished already are left as they are.

    Args:
        folder: Where the run directories go.

    Returns:
        The run directories.
    """
    from .jobs import run_all

    names = [(method, seed) for seed in range(SEEDS) for method in METHODS]
    runs = [
        [
            *("--config", "digits", "--method", method, "--seed", str(seed)),
            *("--out", str(folder / method / f"seed{seed}")),
        ]
        for method, seed in names
    ]

    def say(number: int, path: Path, seconds: float) -> None:
        method, seed = names[number]
        print(f"{method} seed {seed}: {path} ({seconds:.0f} s)", flush=True)

    print(f"{len(runs)} runs on scikit-learn's handwritten digits, 20 training images a class")
    return run_all(runs, processes=os.cpu_count() or 1, on_done=say)
