"""Checkpoints that survive a crash at any moment and never load damaged.

A checkpoint is ``STEP.pt`` and counts only once its manifest ``STEP.json``, which holds the file's
sha256, has landed. The last two whole ones are kept.
"""

import io
import json
import warnings
from pathlib import Path

import torch

from ..failures import UnusableCheckpoint
from ..runs.storage import replace_file, sha256, write_json

State = dict[str, object]
FIRST_SAVE = "first-save"
"""A file that is there while no checkpoint was completed yet."""


def save(folder: Path, step: int, state: State) -> None:
    """Write the state reached after ``step`` optimizer steps.

    Nothing else is left in the folder but the newest whole checkpoint from before.

    Raises:
        StorageFailure: If the disk refuses; earlier checkpoints are intact then.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    name = f"{step:09d}"
    if not _steps(folder):
        replace_file(folder / FIRST_SAVE, b"")
    replace_file(folder / f"{name}.pt", content)
    write_json(
        folder / f"{name}.json", {"sha256": sha256(content), "bytes": len(content), "step": step}
    )
    _tidy(folder, name)


def _tidy(folder: Path, newest: str) -> None:
    """Remove all but the newest checkpoint and the newest whole one before it."""
    older = (step for step in _steps(folder) if step < newest)
    kept = {newest, next((step for step in older if _damage(folder, step) is None), newest)}
    names = {f"{step}{ending}" for step in kept for ending in (".pt", ".json")}
    for file in folder.iterdir():
        if file.is_file() and file.name not in names:
            file.unlink(missing_ok=True)


def load_latest(folder: Path, *, device: torch.device) -> State | None:
    """The newest whole checkpoint; None if none was ever completed.

    A damaged one is passed over with a warning that names the file and the reason.

    Raises:
        UnusableCheckpoint: If there are checkpoints and all are damaged.
    """
    damaged: list[str] = []
    for step in _steps(folder):
        reason = _damage(folder, step)
        if reason is None:
            return torch.load(folder / f"{step}.pt", map_location=device, weights_only=True)
        warnings.warn(f"checkpoint {folder / step}.pt {reason}: passed over", stacklevel=2)
        damaged.append(f"{step}.pt {reason}")
    cut_off = (folder / FIRST_SAVE).exists() and not any(folder.glob("*.json"))
    if damaged and not cut_off:
        raise UnusableCheckpoint(
            f"no usable checkpoint in {folder}: {'; '.join(damaged)}; "
            "restore one from a copy, or start afresh with --overwrite"
        )
    return None


def _steps(folder: Path) -> list[str]:
    """Names of checkpoints, whole or not, newest first."""
    return sorted({path.stem for path in folder.glob("[0-9]*.*")}, reverse=True)


def _damage(folder: Path, step: str) -> str | None:
    """Why a checkpoint cannot be trusted; None if it can."""
    try:
        expected = json.loads((folder / f"{step}.json").read_bytes())["sha256"]
    except FileNotFoundError:
        return "has no manifest"
    except (ValueError, KeyError, TypeError):
        return "has an unreadable manifest"
    try:
        content = (folder / f"{step}.pt").read_bytes()
    except FileNotFoundError:
        return "is missing"
    return None if sha256(content) == expected else "does not match its sha256"
