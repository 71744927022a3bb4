"""RUN/trackers.json: how trackers know a run, and which of them have all of it."""

import re
import uuid
from pathlib import Path
from typing import NamedTuple

from ...runs import read_json, write_json

FILE = "trackers.json"


class Record(NamedTuple):
    """What the file holds."""

    identity: str
    """By which trackers find the run again, however often it goes on."""
    complete: list[str]
    """Trackers that were told everything, to the scores of the finished run."""


def read(folder: Path) -> Record:
    """The record of a run directory; a new identity where there is none.

    Raises:
        ValueError: If the file is damaged.
    """
    file = folder / FILE
    if not file.exists():
        return Record(uuid.uuid4().hex[:12], [])
    values = read_json(file)
    identity = values.text("identity")
    if not re.fullmatch(r"[\w-]{1,64}", identity):  # it becomes part of file names
        values.refuse("identity", "letters and digits")
    return Record(identity, [str(name) for name in values.list("complete")])


def write(folder: Path, record: Record) -> None:
    """Keep a record, durably.

    Raises:
        StorageFailure: If the disk refuses.
    """
    write_json(folder / FILE, record._asdict())


def forget(folder: Path) -> None:
    """Let what is trained afresh be another run to every tracker."""
    (folder / FILE).unlink(missing_ok=True)
    events = folder / "tensorboard"
    if events.is_symlink():
        return
    for file in events.glob("events.out.tfevents.*"):
        file.unlink()
