"""The summary with which a run ends, ``summary.json``, sealed with a hash of itself."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from .contents import SUMMARY
from .reading import read_json
from .stored import ADVICE, Stored
from .writing import write_json

SEAL = "sha256"
"""The last field of a summary: the hash of all the others."""
NEEDED = ("format", "recipe", "split_hash", "environment", "cost", "validation", "test")


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
    file = summary_file(path)
    values = dict(read_json(file).values)
    if values.pop(SEAL, None) not in (None, _seal(values)):  # older runs have none
        raise ValueError(f"{file} has changed since it was written: {ADVICE}")
    return Stored(file, values)


def read_finished(file: Path) -> Stored:
    """Read the summary of a run directory, and look that it has every field.

    Raises:
        ValueError: As :func:`read_summary` does, or if a field is missing; the message says how the
            summary comes back.
    """
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


def write_summary(file: Path, values: Mapping[str, object]) -> None:
    """Write a summary, with a hash that tells a whole one from a changed one."""
    values = json.loads(json.dumps(values))
    write_json(file, {**values, SEAL: _seal(values)})


def _seal(values: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def recorded_code(environment: object) -> dict[str, str]:
    """Hashes of the user's own files that a recorded environment tells of, by path."""
    files = environment.get("own_code") if isinstance(environment, dict) else None
    return {str(k): str(v) for k, v in files.items()} if isinstance(files, dict) else {}
