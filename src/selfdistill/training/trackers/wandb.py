"""Weights & Biases: offline in the run directory, unless WANDB_MODE says otherwise."""

import os
import shutil
from pathlib import Path

from .base import Ending, TrackedRun, Tracker

FINISH_TIMEOUT = 60.0
"""Seconds that the end of a run waits for an upload."""


class WeightsAndBiases(Tracker):
    """Logs to the run of the same id, wherever an earlier process left it.

    Online, the server says how far it got. Offline, the new folder is told everything again: what
    an earlier process wrote may be cut off, and W&B counts lines from a file's beginning.
    """

    def __init__(self, tracked: TrackedRun) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        mode = os.environ.get("WANDB_MODE", "offline")
        settings = wandb.Settings(
            console="off",
            silent=mode != "online",
            reinit="create_new",
            finish_timeout=float(os.environ.get("WANDB_FINISH_TIMEOUT", FINISH_TIMEOUT)),
        )
        self._run = wandb.init(
            id=tracked.identity,
            name=os.environ.get("WANDB_NAME", tracked.name),
            project=os.environ.get("WANDB_PROJECT", "selfdistill"),
            dir=str(tracked.folder),
            config=tracked.options,
            mode=mode,  # pyright: ignore[reportArgumentType]
            resume="allow",
            settings=settings,
        )
        self._folder = Path(self._run.settings.sync_dir)
        self.where = f"wandb sync {self._folder}" if self._run.offline else self._run.url or mode

    def log(self, epoch: int, values: dict[str, float], moment: float) -> None:
        """Log an epoch as the step of that number."""
        del moment
        if epoch >= self._run.starting_step:
            self._run.log(values, step=epoch, commit=True)

    def score(self, epoch: int, values: dict[str, float]) -> None:
        """Put the scores into the summary."""
        del epoch
        self._run.summary.update(values)

    def close(self, ending: Ending) -> None:
        """Finish the upload or the file, which supersedes those of earlier processes."""
        self._run.finish(exit_code=0 if ending == "finished" else 1)
        for folder in self._folder.parent.glob(f"offline-run-*-{self._run.id}"):
            if folder != self._folder and not list(folder.glob("*.synced")):
                shutil.rmtree(folder, ignore_errors=True)
