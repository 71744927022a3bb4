"""Where pictures come from: files below a folder, or anything else that gives them by name."""

import abc
import os
import warnings
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

FORMATS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "MPO": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "PNG": ("png", "apng"),
    "WEBP": ("webp",),
    "GIF": ("gif",),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp", "dib"),
    "PPM": ("ppm", "pgm", "pbm", "pnm", "pfm"),
    "TGA": ("tga",),
    "JPEG2000": ("jp2", "j2k", "jpc", "jpf", "jpx", "j2c"),
    "AVIF": ("avif", "avifs"),
    "HEIF": ("heic", "heif", "hif"),
}
"""How the names of pictures end, by format."""
ENDINGS = tuple(f".{ending}" for endings in FORMATS.values() for ending in endings)
AT_ONCE = 256
"""Pictures that are read before any is handed on."""

State = list[str | int]
"""What changes whenever a picture, or a file of many pictures, does."""
Result = TypeVar("Result")


class Source(abc.ABC):
    """Pictures by name."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What people call it."""

    @property
    @abc.abstractmethod
    def identity(self) -> str:
        """What tells it from every other source."""

    @abc.abstractmethod
    def states(self, names: Sequence[str]) -> list[State]:
        """What is the same again only while the pictures of these names are."""

    @abc.abstractmethod
    def read(self, names: Sequence[str]) -> Sequence[Path | bytes]:
        """The pictures, encoded: their files or their bytes."""


@dataclass(frozen=True)
class Files(Source):
    """Files below a folder, named by their path relative to it; the folder is never written to.

    Args:
        root: The folder.
        table: The table that names the files, if there is one.
    """

    root: Path
    table: Path | None = None

    @property
    def name(self) -> str:
        """Folder or table, as it was given."""
        return str(self.table or self.root)

    @property
    def identity(self) -> str:
        """Folder or table, as an absolute path."""
        return str((self.table or self.root).resolve())

    def states(self, names: Sequence[str]) -> list[State]:
        """Name, size and times of change of each file."""
        return [state(self.root / name, name) for name in names]

    def read(self, names: Sequence[str]) -> list[Path]:
        """The files."""
        return [self.root / name for name in names]


def each(
    source: Source, names: Sequence[str], work: Callable[[Path | bytes], Result]
) -> Generator[tuple[str, Result]]:
    """Do something with every picture, many at a time, and give the results in order."""
    # Threads share the filter of warnings, so it is set once around them.
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")
        for start in range(0, len(names), AT_ONCE):
            chunk = names[start : start + AT_ONCE]
            yield from zip(chunk, pool.map(work, source.read(chunk)), strict=True)


def state(path: Path, name: str) -> State:
    """Name and size of a file, when its content changed, and when anything of it did.

    Anybody can set the first of these times, and copying keeps it; nobody the second.
    """
    try:
        status = path.stat()
    except OSError:
        return [name, -1, -1, -1]
    return [name, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
