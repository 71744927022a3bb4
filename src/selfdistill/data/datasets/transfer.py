"""Downloading a file over HTTP, going on from where an earlier try broke off."""

import re
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ..progress import Progress

CHUNK = 1 << 20
"""Bytes read at once, at most."""
TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""
NOTHING_LEFT = 416


def receive(url: str, part: Path, *, limit: int) -> None:
    """Download into ``part``, after what it holds already, until it is whole.

    Args:
        url: What to download.
        part: The file; what an earlier call left of it is kept if the server can go on from there.
        limit: Bytes that it may not exceed.

    Raises:
        ValueError: If the server cannot be reached or breaks off, which leaves ``part`` to go on
            with, or sends more than the limit, which removes it.
    """
    held = part.stat().st_size if part.exists() else 0
    try:
        try:
            response = _ask(url, held)
        except HTTPError as error:
            if error.code != NOTHING_LEFT:
                raise
            if error.headers.get("Content-Range") == f"bytes */{held}":
                return
            response = _ask(url, 0)
        with response:
            resumed = str(response.headers.get("Content-Range")).startswith(f"bytes {held}-")
            _write(response, url, part, held if resumed else 0, limit)
    except (OSError, HTTPException) as error:
        raise ValueError(
            f"cannot download {url} ({error}): try again, which goes on from there, or get it "
            f"another way and unpack it in {part.parent}"
        ) from error


def _ask(url: str, held: int) -> HTTPResponse:
    headers = {"Range": f"bytes={held}-"} if held else {}
    return urlopen(Request(url, headers=headers), timeout=TIMEOUT)


def _write(response: HTTPResponse, url: str, part: Path, held: int, limit: int) -> None:
    length = response.headers.get("Content-Length", "")
    # What it says is shown; how much comes is bounded and checked all the same.
    whole = held + int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
    title = f"downloading {url} into {part.parent}"
    done = held
    with (
        part.open("ab" if held else "wb") as file,
        Progress(title, whole, done=held, in_bytes=True) as progress,
    ):
        while done <= limit and (chunk := response.read1(CHUNK)):
            file.write(chunk)
            done += len(chunk)
            progress.advance(len(chunk))
    if done > limit:
        part.unlink()
        raise ValueError(f"{url} sends more than the {limit} bytes expected: get it another way")
    if whole is not None and done < whole:
        raise ConnectionError(f"it broke off after {done} of {whole} bytes")
