"""A folder taken by one process for a run, and only if it is a run's."""

import json
import os
import re
import socket
from contextlib import suppress
from pathlib import Path

import filelock

from ..failures import Locked
from .contents import (
    CHECKPOINTS,
    HOLDER,
    LEFT_BY_A_START,
    LOCK,
    RECIPE,
    SUMMARY,
    TOP_NAMES,
    is_bare,
    own_files,
    remove_unfinished,
)
from .reading import read_json, read_yaml
from .writing import storage_failure, write_json


class RunLock:
    """Keeps a run for one process; released when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / LOCK
        self._holder_file = folder / HOLDER
        self._inode: tuple[int, int] | None = None
        self._new_folders: list[Path] = []

    def acquire(self) -> filelock.BaseFileLock:
        """Make the folder if need be, and lock it."""
        refuse_others(self.folder)
        lock = filelock.FileLock(self._file, timeout=0)
        holder: dict[str, object] = {"pid": os.getpid(), "host": socket.gethostname()}
        try:
            parents = (self.folder, *self.folder.parents)
            self._new_folders = [folder for folder in parents if not folder.exists()]
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
            status = self._file.stat()
        except filelock.Timeout as error:
            raise Locked(
                f"{self.folder} is in use by {self._holder()}: wait for it, or choose another --out"
            ) from error
        except OSError as error:
            raise storage_failure(self._file, len(json.dumps(holder)), error) from error
        self._inode = status.st_dev, status.st_ino
        remove_unfinished(self.folder)
        write_json(self._holder_file, holder)
        return lock

    def release(self, lock: filelock.BaseFileLock) -> None:
        """Unlock the folder; a start that came to nothing leaves nothing behind."""
        if is_bare(self.folder):
            for file in (*own_files(self.folder), self._holder_file, self._file):
                file.unlink(missing_ok=True)
            with suppress(OSError):  # what is not empty stays
                (self.folder / CHECKPOINTS).rmdir()
            with suppress(OSError):
                for folder in self._new_folders:
                    folder.rmdir()
        self._inode = None
        lock.release()

    def check(self) -> None:
        """Refuse to go on where the lock was removed: another process may have the run now."""
        if self._inode is None:
            return
        try:
            status = self._file.stat()
        except FileNotFoundError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._inode:
            raise Locked(
                f"{self._file} was removed while this process held it, and another one may "
                f"have the run now ({self._holder()} came last): nothing more is written; repeat "
                "the command to resume from the last checkpoint"
            )

    def last_acquired(self) -> float | None:
        """When a process last locked the run, seconds since 1970; None if none did."""
        try:
            return self._holder_file.stat().st_mtime
        except OSError:
            return None

    def _holder(self) -> str:
        """Who locked the run last, as far as that can be read."""
        try:
            who = read_json(self._holder_file, max_bytes=1 << 12).values
        except (ValueError, OSError):
            who = {}
        return f"process {who.get('pid', '?')} on {who.get('host', '?')}"


def refuse_others(folder: Path) -> None:
    """Refuse a folder that holds something else than a run, before a file is touched."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return  # what is not there is empty; what cannot be entered cannot be locked either
    for name in names:
        if name in TOP_NAMES and (folder / name).is_symlink():
            raise ValueError(
                f"{folder / name} is a link: a run writes into its own folder only; put "
                "the file or folder there in its place, or choose another --out"
            )
    recipe = folder / RECIPE
    if is_bare(folder):
        return
    if recipe.is_file() and {"format", "method"} <= read_yaml(recipe).values.keys():
        return
    has_summary = (folder / SUMMARY).is_file()
    if has_summary or any(file.parent.name == CHECKPOINTS for file in own_files(folder)):
        what = "is not a run's recipe" if RECIPE in names else "is missing"
        raise ValueError(
            f"{recipe} {what}, though {SUMMARY if has_summary else CHECKPOINTS} is there: restore "
            "it from a copy, or choose another --out"
        )
    others = [name for name in names if not re.fullmatch(LEFT_BY_A_START, name)]
    listed = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    raise ValueError(
        f"{folder} is neither empty nor a run directory (it holds {listed}): nothing was "
        "touched; choose another --out"
    )
