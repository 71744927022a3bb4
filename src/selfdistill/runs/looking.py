"""Files of finished runs, read once and compared with what their summary says of them."""

from hashlib import sha256
from pathlib import Path

from .reading import MAX_BYTES, Stored, parse_json, read_bytes
from .run_directory import HASH, OWN_NAMES, RESULTS, TEST_FILES, RunDirectory, known_hashes

MAX_WEIGHTS = 64 << 30
"""Bytes that a file of weights may have."""


def read_checked(file: Path, *, max_bytes: int = MAX_WEIGHTS) -> bytes:
    """The bytes of a file; where it is a finished run's, only as the run left it.

    Raises:
        ValueError: If it is missing, not a regular file, too large, or has changed since its run
            ended; the message names it.
    """
    return _checked(file, read_bytes(file, max_bytes=max_bytes))


def read_checked_json(file: Path) -> Stored:
    """A file that holds a JSON object, such as a network's description, by :func:`read_checked`.

    Raises:
        ValueError: As there, or if it is not a JSON object.
    """
    return parse_json(file, read_checked(file, max_bytes=MAX_BYTES))


def _checked(file: Path, content: bytes) -> bytes:
    place = file.resolve()
    folder = place.parent.parent if place.parent.name in OWN_NAMES else place.parent
    name, run = place.relative_to(folder).as_posix(), RunDirectory(folder)
    if name not in RESULTS or not run.summary_file.exists():
        return content
    known = known_hashes(run.read_summary()).get(name, HASH)
    if not (HASH + sha256(content).hexdigest()).startswith(known):
        again = (
            f"`selfdistill evaluate {file.parent} --split test`"
            if name in TEST_FILES
            else "the train command, repeated,"
        )
        raise ValueError(
            f"{file} has changed since the run ended (its sha256 is not the one in "
            f"{run.summary_file.name}): restore it from a copy, or let {again} write it again"
        )
    return content
