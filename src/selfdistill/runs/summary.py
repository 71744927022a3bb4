"""The summary with which a run ends, ``summary.json``: sealed, with hashes of the run's files."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from .contents import ATTACHMENTS, MODEL_FILES, OWN_NAMES, RESULTS, SUMMARY, TEST_FILES, WEIGHTS
from .reading import MAX_BYTES, parse_json, read_bytes, read_json
from .stored import ADVICE, Stored
from .writing import sha256, write_json

SEAL = "sha256"
"""The last field of a summary: the hash of all the others."""
NEEDED = ("format", "recipe", "split_hash", "environment", "cost", "validation", "test")
HASH_PREFIX = "sha256:"
MAX_WEIGHTS = 64 << 30
"""Bytes that a file of weights may have."""


def summary_file(path: Path) -> Path:
    """The summary of a run directory; a copied summary is itself."""
    return path / SUMMARY if path.is_dir() else path


def read_summary(path: Path) -> Stored:
    """Read what a finished run says of itself.

    Args:
        path: A run directory, or a copy of its ``summary.json``.

    Raises:
        ValueError: If there is no summary, it is no JSON object, or it has changed since it was
            written; the message names the file.
    """
    return read_sealed(summary_file(path))


def read_sealed(file: Path) -> Stored:
    """Read a JSON object that ends in the hash of its other fields.

    Raises:
        ValueError: If it is missing, no JSON object, or has changed since it was written.
    """
    values = dict(read_json(file).values)
    if values.pop(SEAL, None) not in (None, _seal(values)):  # older runs have none
        raise ValueError(f"{file} has changed since it was written: {ADVICE}")
    return Stored(file, values)


def read_finished(file: Path) -> Stored:
    """Read the summary of a run directory; one that lacks a field is damaged, too."""
    try:
        summary = read_summary(file)
        for name in NEEDED:
            if name not in summary.values:
                summary.refuse(name, "a field")
        for name in ("recipe", "environment", "cost"):
            summary.section(name)
    except ValueError as error:
        raise ValueError(
            f"{error}; the train command, repeated, writes it again from the last checkpoint"
        ) from None
    return summary


def write_sealed(file: Path, values: Mapping[str, object]) -> None:
    """Write a JSON object, and the hash of its fields as the last one."""
    values = json.loads(json.dumps(values))
    write_json(file, {**values, SEAL: _seal(values)})


def _seal(values: Mapping[str, object]) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode())


def recorded_code(environment: object) -> dict[str, str]:
    """Hashes of the user's own files that a recorded environment tells of, by path."""
    files = environment.get("own_code") if isinstance(environment, dict) else None
    return {str(k): str(v) for k, v in files.items()} if isinstance(files, dict) else {}


def hash_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Hashes of those files that are there, by their names within the folder."""
    hashes: dict[str, str] = {}
    for name in names:
        if (folder / name).is_file():
            with (folder / name).open("rb") as stream:
                hashes[name] = HASH_PREFIX + hashlib.file_digest(stream, "sha256").hexdigest()
    return hashes


def find_damage(folder: Path, summary: Stored) -> dict[str, str]:
    """Files of a finished run that are not as it left them, each with what is wrong."""
    expected = _recorded_hashes(summary)
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
    content = read_bytes(file, max_bytes=max_bytes)
    path = file.resolve()
    folder = path.parent.parent if path.parent.name in OWN_NAMES else path.parent
    name = path.relative_to(folder).as_posix()
    if name not in RESULTS or not (folder / SUMMARY).exists():
        return content
    known = _recorded_hashes(read_finished(folder / SUMMARY)).get(name, HASH_PREFIX)
    if not (HASH_PREFIX + sha256(content)).startswith(known):
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


def read_checked_json(file: Path) -> Stored:
    """A file that holds a JSON object, such as a network's description, by :func:`read_checked`."""
    return parse_json(file, read_checked(file, max_bytes=MAX_BYTES))


def _recorded_hashes(summary: Stored) -> dict[str, str]:
    """The hashes that a summary holds, by file; of older runs only that of the weights."""
    known = {WEIGHTS: summary.text("weights")} if "weights" in summary else dict[str, str]()
    if "files" in summary:
        files = summary.section("files")
        known |= {name: files.text(name) for name in RESULTS if name in files}
    return known
