"""A run on disk: every file that training reads or writes, by name."""

import json
import os
import socket
from pathlib import Path

import filelock
import yaml

from ..failures import Locked
from .storage import UNFINISHED, refused, replace_file, write_json, write_yaml

LogLine = dict[str, object]


class RunDirectory:
    """The files of one run.

    Args:
        path: The folder; made when something is first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe_file = path / "recipe.yaml"
        self.place_file = path / "place.yaml"
        self.files_file = path / "files.json"
        self.environment_file = path / "environment.json"
        self.log_file = path / "log.jsonl"
        self.test_curve_file = path / "test_curve.jsonl"
        self.summary_file = path / "summary.json"
        self.predictions_file = path / "predictions.npz"
        self.shown_file = path / "shown.npz"
        self.failure_file = path / "failure.json"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"
        self.best_model = path / "model-best-validation"
        self.attachments = path / "attachments"

    def lock(self) -> filelock.BaseFileLock:
        """Hold the run for this process; released when the process ends, however it ends.

        Raises:
            Locked: If another process holds it.
            StorageFailure: If the disk refuses.
        """
        lock = filelock.FileLock(self.path / ".lock", timeout=0)
        holder = self.path / ".holder.json"
        own: dict[str, object] = {"pid": os.getpid(), "host": socket.gethostname()}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout as error:
            who = json.loads(holder.read_text()) if holder.exists() else {}
            raise Locked(
                f"{self.path} is in use by process {who.get('pid', '?')} on "
                f"{who.get('host', '?')}: wait for it, or choose another --out"
            ) from error
        except OSError as error:
            raise refused(self.path / ".lock", len(json.dumps(own)), error) from error
        write_json(holder, own)
        return lock

    def remove_unfinished(self) -> None:
        """Remove files that a killed process did not finish writing; for who holds the run."""
        for folder in (self.path, self.model, self.best_model, self.attachments):
            for file in folder.glob(f"{UNFINISHED}*"):
                file.unlink(missing_ok=True)

    def finished(self) -> bool:
        """Whether training ran to its end."""
        return self.summary_file.exists()

    def has_read_test(self) -> bool:
        """Whether a finished run's test images have been read."""
        return json.loads(self.summary_file.read_text())["test"] is not None

    def read_recipe(self) -> dict[str, object] | None:
        """The recipe that the run began with; None for a new run."""
        return yaml.safe_load(self.recipe_file.read_text()) if self.recipe_file.exists() else None

    def read_whereabouts(self) -> dict[str, str]:
        """Options that say where images and weights lay, by name."""
        place = yaml.safe_load(self.place_file.read_text()) if self.place_file.exists() else {}
        return place.get("whereabouts", {})

    def write_recipe(self, recipe: dict[str, object], place: dict[str, object]) -> None:
        """Record what decides the numbers, and where they are computed."""
        write_yaml(self.recipe_file, recipe)
        write_yaml(self.place_file, place)

    def write_files(self, files: dict[str, object]) -> None:
        """Record which file is in which split."""
        write_json(self.files_file, files)

    def begin_environment(self, values: dict[str, object]) -> None:
        """Record where the run is computed; the first start counts."""
        if self.environment_file.exists():
            values["started"] = json.loads(self.environment_file.read_text())["started"]
        write_json(self.environment_file, values)

    def finish_environment(self, finished: str) -> dict[str, object]:
        """Record the end; what the file holds then, but for the command and the paths in it."""
        values: dict[str, object] = json.loads(self.environment_file.read_text())
        values["finished"] = finished
        write_json(self.environment_file, values)
        return {name: value for name, value in values.items() if name != "argv"}

    def read_log(self, file: Path | None = None) -> list[LogLine]:
        """The whole lines of a log; one that a crash cut off is left out."""
        file = file or self.log_file
        lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def cut_logs(self, epochs: int) -> None:
        """Drop what the logs say beyond the first ``epochs`` epochs."""
        for file in (self.log_file, self.test_curve_file):
            kept = [line for line in self.read_log(file) if int(str(line["epoch"])) <= epochs]
            if file.exists():
                replace_file(file, b"".join(_line(values) for values in kept))

    def append_log(self, values: LogLine, file: Path | None = None) -> None:
        """Add a line to a log, durably.

        Raises:
            StorageFailure: If the disk refuses.
        """
        file, line = file or self.log_file, _line(values)
        try:
            with file.open("ab") as stream:
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise refused(file, len(line), error) from error

    def clear(self) -> None:
        """Remove what a run wrote, to start afresh; other files stay.

        The recipe goes last: a killed process leaves no checkpoint that another recipe could claim.
        """
        self.summary_file.unlink(missing_ok=True)
        for folder in (self.checkpoints, self.model, self.best_model, self.attachments):
            for file in folder.glob("*"):
                file.unlink()
        for file in (self.log_file, self.test_curve_file, self.failure_file, self.files_file):
            file.unlink(missing_ok=True)
        for file in (self.predictions_file, self.shown_file, self.environment_file):
            file.unlink(missing_ok=True)
        self.recipe_file.unlink(missing_ok=True)


def _line(values: LogLine) -> bytes:
    return (json.dumps(values) + "\n").encode()
