"""A run on disk: the one reader and writer of its files."""

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import filelock

from . import contents
from .lock import RunLock
from .reading import read_json, read_lines, read_yaml
from .stored import Stored
from .summary import find_damage, hash_files, read_finished, recorded_code, write_sealed
from .writing import append_line, replace_file, write_json, write_yaml

LogLine = dict[str, object]
PATH_OPTIONS = re.compile(r"data\.(root|table)|init|method\.\w+|backbone\.pretrained")
"""Options that can say where images and weights lie; nothing is ever written there."""


class RunDirectory:
    """The files of one run.

    Args:
        path: The folder; made when something is first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe_file = path / contents.RECIPE
        self.place_file = path / contents.PLACE
        self.files_file = path / contents.FILES
        self.environment_file = path / contents.ENVIRONMENT
        self.log_file = path / contents.LOG
        self.test_curve_file = path / contents.TEST_CURVE
        self.summary_file = path / contents.SUMMARY
        self.predictions_file = path / contents.PREDICTIONS
        self.top_attended_file = path / contents.TOP_ATTENDED
        self.failure_file = path / contents.FAILURE
        self.checkpoints = path / contents.CHECKPOINTS
        self.model = path / "model"
        self.best_model = path / "model-best-validation"
        self.attachments = path / "attachments"
        self._lock = RunLock(path)

    def lock(self) -> filelock.BaseFileLock:
        """Keep the run for this process; released when the process ends, however it ends."""
        return self._lock.acquire()

    def leave(self, lock: filelock.BaseFileLock) -> None:
        """Unlock the run; a start that came to nothing leaves nothing behind."""
        self._lock.release(lock)

    def check_held(self) -> None:
        """Refuse to write where the lock was removed: another process may have the run now."""
        self._lock.check()

    def last_locked(self) -> float | None:
        """When a process last locked the run, seconds since 1970; None if none did."""
        return self._lock.last_acquired()

    def finished(self) -> bool:
        """Whether training ran to its end, and its summary is whole."""
        try:
            self.read_summary()
        except ValueError:
            return False
        return True

    def read_summary(self) -> Stored:
        """What a finished run says of itself; a ValueError where that is missing or damaged."""
        return read_finished(self.summary_file)

    def write_summary(self, values: Mapping[str, object]) -> None:
        """End the run: write what it says of itself."""
        write_sealed(self.summary_file, values)

    def update_summary(self, fields: Mapping[str, object]) -> None:
        """Write fields into a finished run's summary, if it does not say so already."""
        before = self.read_summary().values
        after = {**before, **fields}
        if after != before:
            self.write_summary(after)

    def hashes(self, names: Iterable[str] = contents.RESULTS) -> dict[str, str]:
        """Hashes of those files that are there, by their names within the run."""
        return hash_files(self.path, names)

    def damage(self) -> dict[str, str]:
        """Files of a finished run that are not as it left them, each with what is wrong."""
        return find_damage(self.path, self.read_summary())

    def has_read_test(self) -> bool:
        """Whether a finished run's test images have been read."""
        return "test" in self.read_summary()

    def read_recipe(self) -> dict[str, object] | None:
        """The recipe that the run began with; None for a new run."""
        return read_yaml(self.recipe_file).values if self.recipe_file.exists() else None

    def read_paths(self) -> dict[str, str]:
        """Options that say where images and weights lay, by name; a recipe names the weights."""
        if not self.place_file.exists():
            return {}
        place = read_yaml(self.place_file)
        options = place.mapping("whereabouts").items()
        return {option: str(path) for option, path in options if PATH_OPTIONS.fullmatch(option)}

    def write_recipe(self, recipe: dict[str, object], place: dict[str, object]) -> None:
        """Record what decides the numbers, and where they are computed."""
        if not self.recipe_file.exists():
            # Without this mark, a run that has begun and has no checkpoint is one that lost them.
            replace_file(self.checkpoints / contents.FIRST_SAVE, b"")
        if self.read_recipe() != recipe:
            write_yaml(self.recipe_file, recipe)
        write_yaml(self.place_file, place)

    def write_files(self, files: dict[str, object]) -> None:
        """Record which file is in which split."""
        write_json(self.files_file, files)

    def begin_environment(self, values: dict[str, object]) -> None:
        """Record where the run is computed; the first start counts."""
        if self.environment_file.exists():
            try:
                values["started"] = read_json(self.environment_file).text("started")
            except ValueError as error:
                warnings.warn(f"{error}; it is written anew", stacklevel=2)
        write_json(self.environment_file, values)

    def threads(self) -> object:
        """Processor threads of the run's last start; None for a new run."""
        return self._environment().get("threads")

    def own_code(self) -> dict[str, str]:
        """Hashes of the user's own files that the run was trained with, by path."""
        return recorded_code(self._environment())

    def _environment(self) -> dict[str, object]:
        return read_json(self.environment_file).values if self.environment_file.is_file() else {}

    def finish_environment(self, finished: str) -> dict[str, object]:
        """Record the end; what the file holds then, but for the command and the paths in it."""
        values = {**read_json(self.environment_file).values, "finished": finished}
        write_json(self.environment_file, values)
        return {name: value for name, value in values.items() if name != "argv"}

    def read_log(self, file: Path | None = None) -> list[LogLine]:
        """The whole lines of a log; one that a crash cut off is left out."""
        file = file or self.log_file
        return read_lines(file) if file.exists() else []

    def write_log(self, lines: Iterable[LogLine], file: Path) -> None:
        """Write a log anew."""
        replace_file(file, b"".join(map(log_line, lines)))

    def append_log(self, values: LogLine, file: Path | None = None) -> None:
        """Add a line to a log, durably."""
        self.check_held()
        append_line(file or self.log_file, log_line(values))

    def clear(self) -> None:
        """Remove what a run wrote, to start afresh; files of other names stay."""
        mark = self.checkpoints / contents.FIRST_SAVE
        if self.recipe_file.exists():
            replace_file(mark, b"")  # what follows takes checkpoints away on purpose
        files = [
            self.summary_file,
            *(file for file in contents.own_files(self.path) if file != mark),
            *(self.log_file, self.test_curve_file, self.failure_file, self.files_file),
            *(self.predictions_file, self.top_attended_file, self.environment_file),
            self.recipe_file,  # last: no checkpoint is left that another recipe could claim
            mark,
        ]
        for file in files:
            file.unlink(missing_ok=True)


def log_line(values: LogLine) -> bytes:
    """A line of a log as it stands in the file."""
    return (json.dumps(values) + "\n").encode()
