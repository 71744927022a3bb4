"""Trackers kept level with a run's log, and the file by which they know the run."""

import re
import time
import uuid
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from ...config import Recipe
from ...failures import Stopped
from ...runs import LogLine, RunDirectory, flatten, read_json, write_json
from .base import Ending, TrackedRun, Tracker, epoch_figures, figures
from .mlflow import MLflow
from .tensorboard import TensorBoard
from .wandb import WeightsAndBiases

KINDS: dict[str, Callable[[TrackedRun], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}
FILE = "trackers.json"


class Trackers:
    """Follows a run's log with trackers.

    The log is authoritative: a tracker replays it when it is opened, so that those of a resumed
    run, or ones that were asked for late, are complete. One that fails is left with a warning; the
    same command brings it up to date, also after the end of the run.

    A context manager: leaving it gives the scores of a finished run, and closes. All processes but
    the first pass no names.
    """

    def __init__(self, run: RunDirectory, names: Sequence[str]) -> None:
        self._run = run
        self._names = names
        self._open: dict[str, Tracker] = {}

    def __enter__(self) -> "Trackers":
        """Open nothing yet."""
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
            if self._open:
                record = _read_record(self._run.path)
                complete = [*record.complete, *self._open]
                _write_record(self._run.path, record._replace(complete=complete))
        else:
            stopped = issubclass(kind, Stopped | KeyboardInterrupt)
            self._close("stopped" if stopped else "failed")

    def open(self) -> None:
        """Open the trackers, once the log holds nothing that will be done again."""
        record = _read_record(self._run.path)
        names = [name for name in self._names if name not in record.complete]
        if not names:
            return
        _write_record(self._run.path, record)
        recipe, lines = self._run.read_recipe(), self._run.read_log()
        assert recipe is not None, "the run has begun"
        title = f"{Recipe(recipe).method} seed {recipe['seed']}"
        tracked = TrackedRun(self._run.path, record.identity, title, flatten(recipe))
        for name in names:
            with self._surviving(name):
                tracker, now = KINDS[name](tracked), time.time()
                for line in lines:
                    _log(tracker, line, now - (_seconds(lines[-1]) - _seconds(line)))
                self._open[name] = tracker
                print(f"{name}: {tracker.where}", flush=True)

    def log(self, line: LogLine) -> None:
        """Give every tracker an epoch."""
        for name, tracker in list(self._open.items()):
            with self._surviving(name):
                _log(tracker, line, time.time())

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


def _log(tracker: Tracker, line: LogLine, moment: float) -> None:
    tracker.log(int(str(line["epoch"])), epoch_figures(line), moment)


def _seconds(line: LogLine) -> float:
    return float(str(line["seconds"]))


class _Record(NamedTuple):
    """What RUN/trackers.json holds."""

    identity: str
    """By which trackers find the run again, however often it goes on."""
    complete: list[str]
    """Trackers that have everything, to the scores of the finished run."""


def _read_record(folder: Path) -> _Record:
    """The record of a run directory; a new identity where there is none."""
    file = folder / FILE
    if not file.exists():
        return _Record(uuid.uuid4().hex[:12], [])
    values = read_json(file)
    identity = values.text("identity")
    if not re.fullmatch(r"[\w-]{1,64}", identity):  # it becomes part of file names
        values.refuse("identity", "letters and digits")
    return _Record(identity, [str(name) for name in values.list("complete")])


def _write_record(folder: Path, record: _Record) -> None:
    write_json(folder / FILE, record._asdict())


def forget(folder: Path) -> None:
    """Let what is trained afresh be another run to every tracker."""
    (folder / FILE).unlink(missing_ok=True)
    events = folder / "tensorboard"
    if events.is_symlink():
        return
    for file in events.glob("events.out.tfevents.*"):
        file.unlink()
