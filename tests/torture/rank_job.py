"""A process of a run of two, for torchrun: ``rank_job OUT RANK STEP`` kills that rank once."""

import os
import signal
import sys
from pathlib import Path

from selfdistill import cli
from selfdistill.training.state import TrainState

from .trained import SMALL

WORDS = [
    *(*SMALL, "--method", "CrossEntropy", "--accelerator", "cpu", "--checkpoint-seconds", "0"),
    *("--ema-decay", "0.9"),
]


def die_at(step):
    """Kill this process before a step."""
    take = TrainState.train_step

    def taken(self, epoch):
        if self.steps_done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        take(self, epoch)

    TrainState.train_step = taken


def main():
    out, rank, step = Path(sys.argv[1]), *map(int, sys.argv[2:])
    out.parent.mkdir(parents=True, exist_ok=True)
    if os.environ["RANK"] == str(rank) and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        die_at(step)
    return cli.main(["train", *WORDS, "--out", str(out)])


if __name__ == "__main__":
    sys.exit(main())
