"""Hashes of a run's files, by which its summary knows whether they are as it left them."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from .contents import ATTACHMENTS, MODEL_FILES, OWN_NAMES, RESULTS, SUMMARY, TEST_FILES, WEIGHTS
from .reading import MAX_BYTES, parse_json, read_bytes
from .stored import Stored
from .summary import read_finished

HASH_PREFIX = "sha256:"
MAX_WEIGHTS = 64 << 30
"""Bytes that a file of weights may have."""


def hash_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Hashes of those files that are there, by their names within the folder."""
    hashes: dict[str, str] = {}
    for name in names:
        file = folder / name
        if file.is_file():
            with file.open("rb") as stream:
                hashes[name] = HASH_PREFIX + hashlib.file_digest(stream, "sha256").hexdigest()
    return hashes


def recorded_hashes(summary: Stored) -> Mapping[str, str]:
    """The hashes that a summary holds, by file; of older runs only that of the weights."""
    known = {WEIGHTS: summary.text("weights")} if "weights" in summary else dict[str, str]()
    if "files" in summary:
        files = summary.section("files")
        known |= {name: files.text(name) for name in RESULTS if name in files}
    return known


def find_damage(folder: Path, summary: Stored) -> dict[str, str]:
    """Files of a finished run that are not as it left them, each with what is wrong."""
    expected = dict(recorded_hashes(summary))
    if "files" not in summary:  # an older run: only whether the files are there can be told
        cost = summary.section("cost")
        attached = cost.values.get("training_parameters") != cost.values.get("parameters")
        names = (MODEL_FILES[0], *([ATTACHMENTS] if attached else []))
        expected |= dict.fromkeys(names, HASH_PREFIX)
    found = hash_files(folder, expected)
    return {
        name: "is missing" if name not in found else "has changed since the run wrote it"
        for name, known in expected.items()
        if not found.get(name, "").startswith(known)
    }


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
    path = file.resolve()
    folder = path.parent.parent if path.parent.name in OWN_NAMES else path.parent
    name = path.relative_to(folder).as_posix()
    if name not in RESULTS or not (folder / SUMMARY).exists():
        return content
    known = recorded_hashes(read_finished(folder / SUMMARY)).get(name, HASH_PREFIX)
    if not (HASH_PREFIX + hashlib.sha256(content).hexdigest()).startswith(known):
        again = (
            f"`selfdistill evaluate {file.parent} --split test`"
            if name in TEST_FILES
            else "the train command, repeated,"
        )
        raise ValueError(
            f"{file} has changed since the run ended (its sha256 is not the one in "
            f"{SUMMARY}): restore it from a copy, or let {again} write it again"
        )
    return content
