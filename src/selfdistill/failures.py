"""Failures that end a command with one line and a documented exit code."""

import errno
import os
import re

INTERNAL = "internal error"
OTHER = 1
"""Exit code of what no other code stands for."""
NO_MEMORY = re.compile(
    "not enough memory|can't allocate memory|cannot allocate memory|out of memory|bad_alloc|"
    "failed to map segment|unable to mmap|could not create a (primitive|memory object)",
    re.IGNORECASE,
)
NO_THREAD = re.compile("can't start new thread|resource temporarily unavailable", re.IGNORECASE)


class Failure(Exception):
    """What went wrong, where, and what to do about it, in one line."""

    exit_code = 1

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnusableCheckpoint(Failure):
    """No checkpoint of a run can be gone on from: damaged, or another network's."""

    exit_code = 3


class StorageFailure(Failure):
    """Something could not be written or read."""

    exit_code = 4


class Locked(Failure):
    """Another process holds the run directory."""

    exit_code = 5


class NonFinite(Failure):
    """The loss became infinite or not a number."""

    exit_code = 6

    def __init__(self, message: str, report: dict[str, object]) -> None:
        super().__init__(message, report)  # both, so that it survives pickling
        self.report = report


class NoMemory(Failure):
    """A step takes more memory than there is."""


class Stopped(Failure):
    """A signal asked for the end; what was done is saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message, signal_number)  # both, so that it survives pickling
        self.exit_code = 128 + signal_number


def ending(error: Exception) -> tuple[int, str]:
    """The exit code and the message with which an exception ends a command."""
    text = str(error)
    if isinstance(error, Failure):
        return error.exit_code, text
    if lacks_memory(error):
        advice = "choose a smaller batch, network or image size, or end other programs"
        return OTHER, f"out of memory{needed_more(error)}: {advice}"
    if isinstance(error, (RuntimeError, OSError)) and NO_THREAD.search(text):
        advice = "end other programs, or raise the limit (ulimit -u)"
        return OTHER, f"the system starts no further thread or process: {advice}"
    if isinstance(error, OSError):
        return StorageFailure.exit_code, _refused(error)
    if isinstance(error, ValueError):
        return 2, text or type(error).__name__
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return OTHER, f"{INTERNAL}: {what} (--debug shows where; please report it)"


def lacks_memory(error: Exception) -> bool:
    """Whether an exception says that there is too little memory, of the machine or of a GPU."""
    return isinstance(error, MemoryError) or bool(NO_MEMORY.search(str(error)))


def needed_more(error: Exception) -> str:
    """How much more memory was asked for, in brackets; empty where the error does not tell."""
    size = re.search(r"allocate ([\d.,]+ ?(?:bytes|\w?i?B))", str(error), re.IGNORECASE)
    return f" ({size[1]} more were needed)" if size else ""


def _refused(error: OSError) -> str:
    """What the system said of which file."""
    reason = error.strerror or str(error) or type(error).__name__
    name = error.filename
    if name is None or isinstance(name, int):
        gone = error.errno == errno.ENOENT and not _has_current_folder()
        return "the current folder no longer exists: change to another" if gone else reason
    if error.errno == errno.ENAMETOOLONG:
        return f"the name {name} is too long for this file system: choose a shorter one"
    return f"{name}: {reason}"


def _has_current_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        return False
    return True
