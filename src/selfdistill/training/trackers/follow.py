"""Trackers kept level with a run's log."""

import time
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import TracebackType

from ...config.parser import method_name
from ...failures import Stopped
from ...runs import LogLine, RunDirectory
from . import record
from .base import Ending, Followed, Tracker
from .flat import epoch_figures, figures, options
from .mlflow import MLflow
from .tensorboard import TensorBoard
from .wandb import WeightsAndBiases

KINDS: dict[str, Callable[[Followed], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}


class Trackers:
    """Tells trackers what a run's log says.

    The log is the truth. A tracker is told all of it when it is opened, so that it has what an
    earlier process could not tell it, and what was before anybody asked for it. One that fails is
    left with a warning; the same command brings it up to date, also after the end of the run.

    A context manager: leaving it gives the scores of a finished run, and closes.

    Args:
        run: The run directory.
        names: Trackers to open; none in all processes but the first.
    """

    def __init__(self, run: RunDirectory, names: Sequence[str]) -> None:
        self._run = run
        self._names = names
        self._open: dict[str, Tracker] = {}

    def __enter__(self) -> "Trackers":
        """Nothing is opened yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close what is open."""
        del error, traceback
        if kind is None:
            self._score()
            self._close("finished")
            self._note_complete()
        else:
            stopped = issubclass(kind, Stopped | KeyboardInterrupt)
            self._close("stopped" if stopped else "failed")

    def open(self) -> None:
        """Open the trackers, once the log holds nothing that will be done again."""
        known = record.read(self._run.path)
        names = [name for name in self._names if name not in known.complete]
        if not names:
            return
        record.write(self._run.path, known)
        followed, lines = self._describe(known.identity), self._run.read_log()
        for name in names:
            with self._surviving(name):
                self._begin(name, followed, lines)

    def log(self, line: LogLine) -> None:
        """Tell every tracker of an epoch."""
        for name, tracker in list(self._open.items()):
            with self._surviving(name):
                _tell(tracker, line, time.time())

    def _begin(self, name: str, followed: Followed, lines: list[LogLine]) -> None:
        tracker = KINDS[name](followed)
        now = time.time()
        for line in lines:
            _tell(tracker, line, now - (_seconds(lines[-1]) - _seconds(line)))
        self._open[name] = tracker
        print(f"{name}: {tracker.where}", flush=True)

    def _describe(self, identity: str) -> Followed:
        recipe = self._run.read_recipe()
        assert recipe is not None, "the run has begun"
        name = f"{method_name(recipe)} seed {recipe['seed']}"
        return Followed(self._run.path, identity, name, options(recipe))

    def _score(self) -> None:
        if not self._open:
            return
        summary = self._run.read_summary()
        scores = figures(
            {split: summary.values[split] for split in ("validation", "test")}, "final"
        )
        last = int(str(summary.section("curve").list("epoch")[-1]))
        for name, tracker in list(self._open.items()):
            with self._surviving(name):
                tracker.score(last, scores)

    def _close(self, ending: Ending) -> None:
        for name, tracker in list(self._open.items()):
            with self._surviving(name):
                tracker.close(ending)

    def _note_complete(self) -> None:
        if self._open:
            known = record.read(self._run.path)
            record.write(self._run.path, known._replace(complete=[*known.complete, *self._open]))

    @contextmanager
    def _surviving(self, name: str) -> Generator[None, None, None]:
        """Leave a tracker that fails: it must not lose the run."""
        try:
            yield
        except Exception as error:
            self._open.pop(name, None)
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            warnings.warn(
                f"{name} failed ({reason}): the run goes on without it; the same command brings it "
                "up to date later",
                stacklevel=2,
            )


def _tell(tracker: Tracker, line: LogLine, moment: float) -> None:
    tracker.log(int(str(line["epoch"])), epoch_figures(line), moment)


def _seconds(line: LogLine) -> float:
    return float(str(line["seconds"]))
