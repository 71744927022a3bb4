"""A run on disk: every file that training reads or writes, by name."""

import hashlib
import json
import os
import re
import socket
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import filelock

from ..failures import Locked
from .reading import Stored, read_json, read_lines, read_summary, read_yaml
from .storage import (
    UNFINISHED_NAME,
    append_line,
    refused,
    replace_file,
    write_json,
    write_yaml,
)

LogLine = dict[str, object]
HASH = "sha256:"
MODEL_NAMES = ("config.json", "model.safetensors")
WEIGHTS = "model/model.safetensors"
ATTACHMENTS = "attachments/attachments.safetensors"
CHECKPOINT_NAME = r"\d{9}\.(pt|json)|first-save"
FIRST_SAVE = "first-save"
"""A file among the checkpoints that is there while none was completed yet."""
OWN_NAMES = {
    "checkpoints": CHECKPOINT_NAME,
    "model": "|".join(map(re.escape, MODEL_NAMES)),
    "model-best-validation": "|".join(map(re.escape, MODEL_NAMES)),
    "attachments": r"attachments\.safetensors",
}
"""What a run writes into its folders, as regular expressions."""
LEFT_BY_A_START = rf"\.lock|\.holder\.json|{UNFINISHED_NAME}"
"""What a start that failed leaves, beside the mark of a first save."""
BEST_MODEL = tuple(f"model-best-validation/{name}" for name in MODEL_NAMES)
TEST_FILES = ("predictions.npz", "shown.npz")
"""What reading the test images leaves; evaluation can write them again."""
RESULTS = (
    *(f"model/{name}" for name in MODEL_NAMES),
    *BEST_MODEL,
    ATTACHMENTS,
    *TEST_FILES,
    "log.jsonl",
    "test_curve.jsonl",
    "files.json",
)
"""The files whose hashes the summary of a finished run holds; it holds recipe and environment."""
SUMMARY_FIELDS = ("format", "recipe", "split_hash", "environment", "cost", "validation", "test")
FOLLOWED = ("trackers.json", "tensorboard", "wandb", "mlflow.db", "mlartifacts")
"""What trackers keep in a run directory."""
WHEREABOUTS = re.compile(r"data\.(root|table)|init|method\.teacher|backbone\.pretrained")
"""Options that say where images and weights lie; nothing is ever written there."""


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
        self._lock_file = path / ".lock"
        self._holder_file = path / ".holder.json"
        self._held: tuple[int, int] | None = None
        self._made: list[Path] = []

    def lock(self) -> filelock.BaseFileLock:
        """Hold the run for this process; released when the process ends, however it ends.

        Raises:
            ValueError: If the folder holds something else than a run.
            Locked: If another process holds it.
            StorageFailure: If the disk refuses.
        """
        self.refuse_others()
        lock = filelock.FileLock(self._lock_file, timeout=0)
        own: dict[str, object] = {"pid": os.getpid(), "host": socket.gethostname()}
        try:
            parents = (self.path, *self.path.parents)
            self._made = [folder for folder in parents if not folder.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
            status = self._lock_file.stat()
        except filelock.Timeout as error:
            raise Locked(
                f"{self.path} is in use by {self._holder()}: wait for it, or choose another --out"
            ) from error
        except OSError as error:
            raise refused(self._lock_file, len(json.dumps(own)), error) from error
        self._held = status.st_dev, status.st_ino
        self._remove_unfinished()
        write_json(self._holder_file, own)
        return lock

    def leave(self, lock: filelock.BaseFileLock) -> None:
        """Let go of the run; a start that came to nothing leaves nothing behind."""
        if self._is_bare():
            for file in self._own_files():
                file.unlink(missing_ok=True)
            for file in (self._holder_file, self._lock_file):
                file.unlink(missing_ok=True)
            with suppress(OSError):  # what is not empty stays
                self.checkpoints.rmdir()
            with suppress(OSError):
                for folder in self._made:
                    folder.rmdir()
        self._held = None
        lock.release()

    def check_held(self) -> None:
        """Refuse to write where the lock was removed: another process may have the run now.

        Raises:
            Locked: If the file that this process locked is not there any more.
        """
        if self._held is None:
            return
        try:
            status = self._lock_file.stat()
        except FileNotFoundError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._held:
            raise Locked(
                f"{self._lock_file} was removed while this process held it, and another one may "
                f"have the run now ({self._holder()} came last): nothing more is written; repeat "
                "the command to resume from the last checkpoint"
            )

    def refuse_others(self) -> None:
        """Refuse a folder that holds something else than a run, before a file is touched.

        Raises:
            ValueError: If it does, or if one of the run's own names is a link.
        """
        try:
            names = sorted(os.listdir(self.path))  # noqa: PTH208
        except OSError:
            return  # what is not there is empty; what cannot be entered cannot be locked either
        files = (file for file in vars(self).values() if isinstance(file, Path))
        own = {file.name for file in files if file != self.path}
        for name in names:
            if name in own.union(FOLLOWED) and (self.path / name).is_symlink():
                raise ValueError(
                    f"{self.path / name} is a link: a run writes into its own folder only; put "
                    "the file or folder there in its place, or choose another --out"
                )
        if self._is_bare() or (self.recipe_file.is_file() and self._has_own_recipe()):
            return
        others = [name for name in names if not re.fullmatch(LEFT_BY_A_START, name)]
        if self.summary_file.is_file() or self._checkpoints():
            found = self.summary_file if self.summary_file.is_file() else self.checkpoints
            what = "is not a run's recipe" if self.recipe_file.name in names else "is missing"
            raise ValueError(
                f"{self.recipe_file} {what}, though {found.name} is there: restore it from a "
                "copy, or choose another --out"
            )
        shown = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        raise ValueError(
            f"{self.path} is neither empty nor a run directory (it holds {shown}): nothing was "
            "touched; choose another --out"
        )

    def _has_own_recipe(self) -> bool:
        recipe = self.read_recipe() or {}
        return "format" in recipe and "method" in recipe

    def _is_bare(self) -> bool:
        """Whether the folder holds nothing but what a start leaves that failed."""
        try:
            names = os.listdir(self.path)  # noqa: PTH208
        except OSError:
            return True
        others = [name for name in names if not re.fullmatch(LEFT_BY_A_START, name)]
        if others != [self.checkpoints.name]:
            return not others
        inside = os.listdir(self.checkpoints) if self.checkpoints.is_dir() else ["a file"]  # noqa: PTH208
        return all(re.fullmatch(rf"{FIRST_SAVE}|{UNFINISHED_NAME}", name) for name in inside)

    def _checkpoints(self) -> list[Path]:
        return [file for file in self._own_files() if file.parent == self.checkpoints]

    def _own_files(self) -> list[Path]:
        """Files of our own names in the run's folders, and unfinished ones everywhere."""
        found: list[Path] = []
        for folder, names in ((".", UNFINISHED_NAME), *OWN_NAMES.items()):
            place = self.path / folder
            if place.is_symlink() or not place.is_dir():
                continue
            pattern = re.compile(rf"{names}|{UNFINISHED_NAME}")
            own = (file for file in place.iterdir() if pattern.fullmatch(file.name))
            found += [file for file in own if file.is_symlink() or not file.is_dir()]
        return found

    def _holder(self) -> str:
        """Who locked the run last, as far as that can be read."""
        try:
            who = read_json(self._holder_file, max_bytes=1 << 12).values
        except (ValueError, OSError):
            who = {}
        return f"process {who.get('pid', '?')} on {who.get('host', '?')}"

    def _remove_unfinished(self) -> None:
        """Remove files that a killed process did not finish writing."""
        for file in self._own_files():
            if re.fullmatch(UNFINISHED_NAME, file.name):
                file.unlink(missing_ok=True)

    def finished(self) -> bool:
        """Whether training ran to its end, and its summary is whole."""
        try:
            self.read_summary()
        except ValueError:
            return False
        return True

    def read_summary(self) -> Stored:
        """What a finished run says of itself.

        Raises:
            ValueError: If the summary is missing or damaged; the message names the file.
        """
        try:
            summary = read_summary(self.summary_file)
            for name in SUMMARY_FIELDS:
                if name not in summary.values:
                    summary.refuse(name, "a field")
            for name in ("recipe", "environment", "cost"):
                summary.section(name)
        except ValueError as error:
            raise ValueError(
                f"{error}; the train command, repeated, writes it again from the last checkpoint"
            ) from None
        return summary

    def hashes(self, names: Iterable[str] = RESULTS) -> dict[str, str]:
        """Hashes of those files that are there, by their names within the run."""
        found: dict[str, str] = {}
        for name in names:
            file = self.path / name
            if file.is_file():
                with file.open("rb") as stream:
                    found[name] = HASH + hashlib.file_digest(stream, "sha256").hexdigest()
        return found

    def damage(self) -> dict[str, str]:
        """Files of a finished run that are not as it left them, each with what is wrong.

        Raises:
            ValueError: If the summary, which knows, is missing or damaged.
        """
        summary = self.read_summary()
        expected = dict(known_hashes(summary))
        if "files" not in summary:  # an older run: only whether the files are there can be told
            cost = summary.section("cost")
            attached = cost.values.get("training_parameters") != cost.values.get("parameters")
            names = ("model/config.json", *([ATTACHMENTS] if attached else []))
            expected |= dict.fromkeys(names, HASH)
        found = self.hashes(expected)
        return {
            name: "is missing" if name not in found else "has changed since the run wrote it"
            for name, known in expected.items()
            if not found.get(name, "").startswith(known)
        }

    def has_read_test(self) -> bool:
        """Whether a finished run's test images have been read."""
        return "test" in self.read_summary()

    def read_recipe(self) -> dict[str, object] | None:
        """The recipe that the run began with; None for a new run."""
        exists = self.recipe_file.exists()
        return read_yaml(self.recipe_file).values if exists else None

    def read_whereabouts(self) -> dict[str, str]:
        """Options that say where images and weights lay, by name."""
        if not self.place_file.exists():
            return {}
        place = read_yaml(self.place_file)
        options = place.section("whereabouts").values if "whereabouts" in place else {}
        return {k: str(where) for k, where in options.items() if WHEREABOUTS.fullmatch(k)}

    def write_recipe(self, recipe: dict[str, object], place: dict[str, object]) -> None:
        """Record what decides the numbers, and where they are computed.

        While no checkpoint is whole a mark says so: without it, a run that has begun and has none
        is one that lost them.
        """
        if not self.recipe_file.exists():
            replace_file(self.checkpoints / FIRST_SAVE, b"")
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
        known = self.environment_file.is_file()
        return read_json(self.environment_file).values.get("threads") if known else None

    def own_code(self) -> dict[str, str]:
        """Hashes of the files of one's own that the run was trained with, by path."""
        known = self.environment_file.is_file()
        return recorded_code(read_json(self.environment_file).values) if known else {}

    def finish_environment(self, finished: str) -> dict[str, object]:
        """Record the end; what the file holds then, but for the command and the paths in it."""
        values = {**read_json(self.environment_file).values, "finished": finished}
        write_json(self.environment_file, values)
        return {name: value for name, value in values.items() if name != "argv"}

    def read_log(self, file: Path | None = None) -> list[LogLine]:
        """The whole lines of a log; one that a crash cut off is left out.

        Raises:
            ValueError: If a line is damaged; the message names file and line.
        """
        file = file or self.log_file
        return read_lines(file) if file.exists() else []

    def cut_logs(self, epochs: int) -> None:
        """Drop what the logs say beyond the first ``epochs`` epochs."""
        for file in (self.log_file, self.test_curve_file):
            kept = [line for line in self.read_log(file) if int(str(line["epoch"])) <= epochs]
            if file.exists():
                self.write_log(kept, file)

    def write_log(self, lines: Iterable[LogLine], file: Path) -> None:
        """Write a log anew."""
        replace_file(file, b"".join(map(log_line, lines)))

    def append_log(self, values: LogLine, file: Path | None = None) -> None:
        """Add a line to a log, durably.

        Raises:
            StorageFailure: If the disk refuses.
            Locked: If the run may be another process's by now.
        """
        self.check_held()
        append_line(file or self.log_file, log_line(values))

    def clear(self) -> None:
        """Remove what a run wrote, to start afresh; files of other names stay.

        The recipe goes last: a killed process leaves no checkpoint that another recipe could claim.
        """
        mark = self.checkpoints / FIRST_SAVE
        if self.recipe_file.exists():
            replace_file(mark, b"")  # what follows takes checkpoints away on purpose
        self.summary_file.unlink(missing_ok=True)
        for file in self._own_files():
            if file != mark:
                file.unlink(missing_ok=True)
        for file in (self.log_file, self.test_curve_file, self.failure_file, self.files_file):
            file.unlink(missing_ok=True)
        for file in (self.predictions_file, self.shown_file, self.environment_file):
            file.unlink(missing_ok=True)
        self.recipe_file.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)


def recorded_code(environment: object) -> dict[str, str]:
    """Hashes of the files of one's own that an environment tells of, by path."""
    files = environment.get("own_code") if isinstance(environment, dict) else None
    return {str(k): str(v) for k, v in files.items()} if isinstance(files, dict) else {}


def known_hashes(summary: Stored) -> Mapping[str, str]:
    """The hashes that a summary holds, by file; of older runs only that of the weights."""
    known = {WEIGHTS: summary.text("weights")} if "weights" in summary else dict[str, str]()
    if "files" in summary:
        files = summary.section("files")
        known |= {name: files.text(name) for name in RESULTS if name in files}
    return known


def log_line(values: LogLine) -> bytes:
    """A line of a log as it stands in the file."""
    return (json.dumps(values) + "\n").encode()
