"""RUN/trackers.json: how trackers know a run, and which of them have all of it."""

import uuid
from pathlib import Path
from typing import NamedTuple

from ...runs import read_json
from ...runs.storage import write_json

FILE = "trackers.json"


class Record(NamedTuple):
    """What the file holds."""

    identity: str
    """By which trackers find the run again, however often it goes on."""
    complete: list[str]
    """Trackers that were told everything, to the scores of the finished run."""


def read(folder: Path) -> Record:
    """The record of a run directory; a new identity where there is none."""
    file = folder / FILE
    if not file.exists():
        return Record(uuid.uuid4().hex[:12], [])
    values = read_json(file)
    return Record(values.text("identity"), [str(name) for name in values.list("complete")])


def write(folder: Path, record: Record) -> None:
    """Keep a record, durably.

    Raises:
        StorageFailure: If the disk refuses.
    """
    write_json(folder / FILE, record._asdict())


def forget(folder: Path) -> None:
    """Let what is trained afresh be another run to every tracker."""
    (folder / FILE).unlink(missing_ok=True)
    for events in (folder / "tensorboard").glob("events.*"):
        events.unlink()
