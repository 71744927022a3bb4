"""Where images come from: files below a folder, or anything else that gives them by name."""

import abc
import os
import warnings
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

CHUNK = 256
"""Images that are read before any is handed on."""

State = list[str | int]
"""What changes whenever an image, or a file of many images, does."""
Result = TypeVar("Result")


class Source(abc.ABC):
    """Images by name."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What messages call it."""

    @property
    @abc.abstractmethod
    def identity(self) -> str:
        """What tells it from every other source."""

    @abc.abstractmethod
    def states(self, names: Sequence[str]) -> list[State]:
        """Part of the cache's key: changes whenever one of these images does."""

    @abc.abstractmethod
    def encoded(self, names: Sequence[str]) -> Sequence[Path | bytes]:
        """The encoded images: their files or their bytes."""


@dataclass(frozen=True)
class Files(Source):
    """Files below a folder, named by their path relative to it; the folder is never written to."""

    root: Path
    table: Path | None = None
    """The table that names the files, if there is one."""

    @property
    def name(self) -> str:
        return str(self.table or self.root)

    @property
    def identity(self) -> str:
        return str((self.table or self.root).resolve())

    def states(self, names: Sequence[str]) -> list[State]:
        return [file_state(self.root / name, name) for name in names]

    def encoded(self, names: Sequence[str]) -> list[Path]:
        return [self.root / name for name in names]


def map_threaded(
    source: Source, names: Sequence[str], function: Callable[[Path | bytes], Result]
) -> Generator[tuple[str, Result]]:
    """Apply a function to every image, many at a time, and give the results in order."""
    # Threads share the filter of warnings, so it is set once around them.
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")
        for start in range(0, len(names), CHUNK):
            chunk = names[start : start + CHUNK]
            yield from zip(chunk, pool.map(function, source.encoded(chunk)), strict=True)


def file_state(path: Path, name: str) -> State:
    """Name and size of a file, when its content changed, and when anything of it did.

    Any program can set the first of these times, and copying keeps it; none can set the second.
    """
    try:
        status = path.stat()
    except OSError:
        return [name, -1, -1, -1]
    return [name, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
