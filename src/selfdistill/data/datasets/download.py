"""Fetching official files: only those whose checksums are known are taken."""

import gzip
import hashlib
import io
import os
import re
import secrets
import tarfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from filelock import FileLock

from ..progress import Progress

MAX_HEADERS = 1 << 20
"""Bytes beyond the files themselves that a download may have: headers of an archive."""
CHUNK = 1 << 20
"""Bytes read at once, at most."""
TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""
RANGE_NOT_SATISFIABLE = 416
BY_HAND = "get it another way and unpack it under --data.root"


@dataclass(frozen=True)
class Member:
    """A file of an archive: its name without folder, its size in bytes, its MD5 in hexadecimal."""

    name: str
    size: int
    md5: str


@dataclass(frozen=True)
class Archive:
    """A gzipped tar archive: where it is published, its folder, and the files we want from it."""

    url: str
    folder: str
    members: tuple[Member, ...]

    @property
    def max_bytes(self) -> int:
        """Bytes that neither the archive nor its unpacked contents may exceed."""
        return sum(member.size for member in self.members) + MAX_HEADERS


def fetch(archive: Archive, root: Path) -> None:
    """Download the members that are missing under ``root / archive.folder``.

    A file appears under its name only once its checksum holds. A ValueError says why an archive
    cannot be had or is refused.
    """
    folder = root / archive.folder
    if not _missing(archive, folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _locked_part(root / PurePosixPath(archive.url).name) as part:
        if members := _missing(archive, folder):  # another process may have fetched them by now
            download_resumable(archive.url, part, max_bytes=archive.max_bytes)
            with _consumed(part, archive.url) as file:
                _extract(file, archive, members, folder)


def fetch_file(url: str, member: Member, folder: Path) -> None:
    """Download a file unless it exists; it appears under its name only once its checksum holds."""
    path = folder / member.name
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _locked_part(path) as part:
        if not path.exists():
            download_resumable(url, part, max_bytes=member.size + MAX_HEADERS)
            with _consumed(part, url) as file:
                _save(iter(partial(file.read, CHUNK), b""), member, folder)


def download_resumable(url: str, part: Path, *, max_bytes: int) -> None:
    """Download into ``part``, after what it holds already, until it is whole.

    A server that breaks off is a ValueError and leaves ``part`` to go on with; one that sends more
    than the limit, too, and ``part`` is removed.
    """
    offset = part.stat().st_size if part.exists() else 0
    try:
        try:
            response = _request(url, offset)
        except HTTPError as error:
            if error.code != RANGE_NOT_SATISFIABLE:
                raise
            if error.headers.get("Content-Range") == f"bytes */{offset}":
                return
            response = _request(url, 0)
        with response:
            resumed = str(response.headers.get("Content-Range")).startswith(f"bytes {offset}-")
            _receive(response, url, part, offset if resumed else 0, max_bytes)
    except (OSError, HTTPException) as error:
        raise ValueError(
            f"cannot download {url} ({error}): try again, which goes on from there, or get it "
            f"another way and unpack it in {part.parent}"
        ) from error


def _request(url: str, offset: int) -> HTTPResponse:
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    return urlopen(Request(url, headers=headers), timeout=TIMEOUT)


def _receive(response: HTTPResponse, url: str, part: Path, offset: int, max_bytes: int) -> None:
    length = response.headers.get("Content-Length", "")
    # What it says is shown; how much comes is bounded and checked all the same.
    total = offset + int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
    title = f"downloading {url} into {part.parent}"
    done = offset
    with (
        part.open("ab" if offset else "wb") as file,
        Progress(title, total, done=offset, in_bytes=True) as progress,
    ):
        while done <= max_bytes and (chunk := response.read1(CHUNK)):
            file.write(chunk)
            done += len(chunk)
            progress.advance(len(chunk))
    if done > max_bytes:
        part.unlink()
        raise ValueError(
            f"{url} sends more than the {max_bytes} bytes expected: get it another way"
        )
    if total is not None and done < total:
        raise ConnectionError(f"it broke off after {done} of {total} bytes")


def _missing(archive: Archive, folder: Path) -> dict[str, Member]:
    return {
        f"{archive.folder}/{member.name}": member
        for member in archive.members
        if not (folder / member.name).exists()
    }


@contextmanager
def _locked_part(path: Path) -> Generator[Path]:
    """Where a file lies until it is whole; one process at a time has it."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        with FileLock(lock):
            yield path.with_name(f".{path.name}.part")
    finally:
        with suppress(OSError):
            lock.unlink(missing_ok=True)


@contextmanager
def _consumed(part: Path, url: str) -> Generator[IO[bytes]]:
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
    """A stream of at most so many bytes: neither gzip nor tar bounds what a small file unpacks to.

    The limit covers headers and skipped members, too, which tarfile reads whatever its filter says.
    """

    def __init__(self, stream: gzip.GzipFile, max_bytes: int) -> None:
        self.stream = stream
        self.left = max_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        content = self.stream.read(
            self.left + 1 if size is None or size < 0 else min(size, self.left + 1)
        )
        self.left -= len(content)
        if self.left < 0:
            raise tarfile.ReadError("it unpacks to more than expected")
        return content


def _extract(file: IO[bytes], archive: Archive, members: dict[str, Member], folder: Path) -> None:
    with (
        gzip.open(file) as plain,
        tarfile.open(fileobj=_Bounded(plain, archive.max_bytes), mode="r|") as tar,
    ):
        for entry in tar:
            path = PurePosixPath(entry.name)
            # Stricter than tarfile's data filter, which lets links within the folder through.
            if not (entry.isfile() or entry.isdir()) or path.is_absolute() or ".." in path.parts:
                raise ValueError(
                    f"{archive.url} holds {entry.name!r}, a link, a device or a path that leads "
                    f"elsewhere: {BY_HAND}"
                )
            member = members.pop(str(path), None)
            if member is not None:
                content = tar.extractfile(entry)
                assert content is not None
                _save(iter(partial(content.read, CHUNK), b""), member, folder)
            if not members:
                return
    raise ValueError(f"{archive.url} lacks {', '.join(members)}: {BY_HAND}")


def _save(chunks: Iterator[bytes], member: Member, folder: Path) -> None:
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
