"""TensorBoard: event files in the run directory."""

from .base import Ending, TrackedRun, Tracker

COMPARED = ("loss", "train_accuracy", "validation_accuracy")
"""Figures shown beside the recipe in the table of runs."""


class TensorBoard(Tracker):
    """Writes each process's events to a file that supersedes the earlier ones."""

    def __init__(self, tracked: TrackedRun) -> None:
        from torch.utils.tensorboard.summary import hparams
        from torch.utils.tensorboard.writer import SummaryWriter

        folder = tracked.folder / "tensorboard"
        self.where = f"tensorboard --logdir {folder}"
        self._writer = SummaryWriter(str(folder), purge_step=0)
        experiment, start, self._end = hparams(tracked.options, dict.fromkeys(COMPARED, 0))
        for summary in (experiment, start):
            self._write(summary)

    def log(self, epoch: int, values: dict[str, float], moment: float) -> None:
        """Write an epoch to disk."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch, walltime=moment)
        self._writer.flush()

    def score(self, epoch: int, values: dict[str, float]) -> None:
        """Write the scores, and that the run is complete."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)
        self._write(self._end)

    def close(self, ending: Ending) -> None:
        """Close the file."""
        del ending
        self._writer.close()

    def _write(self, summary: object) -> None:
        assert self._writer.file_writer is not None
        self._writer.file_writer.add_summary(summary)
