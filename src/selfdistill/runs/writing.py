"""Files that are either the old or the new content, whatever happens in between."""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import yaml

from ..failures import StorageFailure

UNFINISHED = ".new-"
"""How the names of files begin that are not whole yet."""
UNFINISHED_NAME = r"\.new-[a-z0-9_]{8}"
"""The names that such files can have."""


def replace_file(path: Path, content: bytes) -> None:
    """Write a file durably: temporary file beside it, fsync, rename, fsync of the folder.

    Raises:
        StorageFailure: If the disk refuses; the old file is intact then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise storage_failure(path, len(content), error) from error


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file durably; never through a link, which could lead anywhere."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o666), "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise storage_failure(path, len(line), error) from error


def _umask() -> int:
    """What the user takes away from files' permissions; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the platform can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, values: dict[str, object]) -> None:
    """Write a JSON object durably, a line for each of its fields."""
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
    replace_file(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def write_yaml(path: Path, values: object) -> None:
    """Write a YAML file durably, in the given order and without aliases."""
    replace_file(path, yaml.dump(values, Dumper=_PlainDumper, sort_keys=False).encode())


class _PlainDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()


def storage_failure(path: Path, needed: int, error: OSError) -> StorageFailure:
    """The failure to raise where the disk does not take so many bytes."""
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        status = os.statvfs(folder)
        free = f", {status.f_bavail * status.f_frsize:,} bytes free"
    except (OSError, AttributeError):
        free = ""
    reason = error.strerror or type(error).__name__
    return StorageFailure(
        f"cannot write {path}: {reason} ({needed:,} bytes needed{free}); what was there is intact"
    )
