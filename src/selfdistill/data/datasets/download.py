"""Fetching official files: only those whose checksums are known are taken."""

import gzip
import hashlib
import io
import os
import secrets
import tarfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from filelock import FileLock

from .transfer import CHUNK, receive

HEADERS = 1 << 20
"""Bytes beyond the files themselves that a download may have: headers of an archive."""


@dataclass(frozen=True)
class Member:
    """A file of an archive.

    Args:
        name: Its name, without folder.
        size: Its bytes.
        md5: Its checksum, hexadecimal.
    """

    name: str
    size: int
    md5: str


@dataclass(frozen=True)
class Archive:
    """A gzipped tar archive, and what we know of it.

    Args:
        url: Where it is published.
        folder: The folder that its files lie in.
        members: The files we want from it.
    """

    url: str
    folder: str
    members: tuple[Member, ...]

    @property
    def limit(self) -> int:
        """Bytes that neither the archive nor its unpacked contents may exceed."""
        return sum(member.size for member in self.members) + HEADERS


def fetch(archive: Archive, root: Path) -> None:
    """Download the members that are missing under ``root / archive.folder``.

    Files that exist are left alone. A file appears under its name only once its checksum holds. A
    download that was broken off goes on from there.

    Raises:
        ValueError: If the archive cannot be had, is too large, damaged or lacks a member, or holds
            links, devices or paths that lead elsewhere.
    """
    folder = root / archive.folder
    if not _missing(archive, folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _part(root / PurePosixPath(archive.url).name) as part:
        if wanted := _missing(archive, folder):
            receive(archive.url, part, limit=archive.limit)
            with _used_up(part, archive.url) as file:
                _extract(file, archive, wanted, folder)


def fetch_file(url: str, member: Member, folder: Path) -> None:
    """Download a file unless it exists; it appears under its name only once its checksum holds.

    Raises:
        ValueError: If it cannot be had, or is another file.
    """
    path = folder / member.name
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _part(path) as part:
        if not path.exists():
            receive(url, part, limit=member.size + HEADERS)
            with _used_up(part, url) as file:
                _place(iter(partial(file.read, CHUNK), b""), member, folder)


_BY_HAND = "get it another way and unpack it under --data.root"


def _missing(archive: Archive, folder: Path) -> dict[str, Member]:
    return {
        f"{archive.folder}/{member.name}": member
        for member in archive.members
        if not (folder / member.name).exists()
    }


@contextmanager
def _part(path: Path) -> Generator[Path]:
    """Where a file lies until it is whole; one process at a time has it."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        with FileLock(lock):
            yield path.with_name(f".{path.name}.part")
    finally:
        with suppress(OSError):
            lock.unlink(missing_ok=True)


@contextmanager
def _used_up(part: Path, url: str) -> Generator[IO[bytes]]:
    """Open a whole download, and remove it once it was used or found worthless."""
    try:
        with part.open("rb") as file:
            yield file
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        part.unlink()
        raise ValueError(f"{url} came damaged ({error}): try again") from error
    except ValueError:
        part.unlink()
        raise
    part.unlink()


class _Bounded(io.BufferedIOBase):
    """A stream that refuses to go on for ever."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self.stream = stream
        self.left = limit

    def read(self, size: int | None = -1, /) -> bytes:
        content = self.stream.read(
            self.left + 1 if size is None or size < 0 else min(size, self.left + 1)
        )
        self.left -= len(content)
        if self.left < 0:
            raise tarfile.ReadError("it unpacks to more than expected")
        return content


def _extract(file: IO[bytes], archive: Archive, missing: dict[str, Member], folder: Path) -> None:
    # The limit covers members that are skipped, too: tar files pad each one to blocks.
    with (
        gzip.open(file) as plain,
        tarfile.open(fileobj=_Bounded(plain, archive.limit), mode="r|") as tar,
    ):
        for entry in tar:
            path = PurePosixPath(entry.name)
            if not (entry.isfile() or entry.isdir()) or path.is_absolute() or ".." in path.parts:
                raise ValueError(
                    f"{archive.url} holds {entry.name!r}, a link, a device or a path that leads "
                    f"elsewhere: {_BY_HAND}"
                )
            member = missing.pop(str(path), None)
            if member is not None:
                content = tar.extractfile(entry)
                assert content is not None
                _place(iter(partial(content.read, CHUNK), b""), member, folder)
            if not missing:
                return
    raise ValueError(f"{archive.url} lacks {', '.join(missing)}: {_BY_HAND}")


def _place(chunks: Iterator[bytes], member: Member, folder: Path) -> None:
    part = folder / f".{member.name}.{secrets.token_hex(4)}.part"
    md5 = hashlib.md5(usedforsecurity=False)
    try:
        with part.open("xb") as file:
            for chunk in chunks:
                md5.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if md5.hexdigest() != member.md5:
            raise ValueError(
                f"{member.name} came with MD5 {md5.hexdigest()} instead of {member.md5}: try again"
            )
        part.replace(folder / member.name)
    finally:
        part.unlink(missing_ok=True)
