"""Checkpoints that survive a crash at any moment and never load damaged.

A checkpoint is ``STEP.pt`` and counts only once its manifest ``STEP.json``, which holds the file's
sha256, has landed. The last two are kept.
"""

import io
import json
import warnings
from pathlib import Path

import torch

from .failures import UnusableCheckpoint
from .storage import replace_file, sha256, write_json

State = dict[str, object]
KEPT = 2


def save(folder: Path, step: int, state: State) -> None:
    """Write the state reached after ``step`` optimizer steps; older checkpoints are thinned out.

    Raises:
        StorageFailure: If the disk refuses; earlier checkpoints are intact then.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    name = f"{step:09d}"
    replace_file(folder / f"{name}.pt", content)
    write_json(
        folder / f"{name}.json", {"sha256": sha256(content), "bytes": len(content), "step": step}
    )
    for manifest in sorted(folder.glob("*.json"))[:-KEPT]:
        manifest.unlink(missing_ok=True)
        manifest.with_suffix(".pt").unlink(missing_ok=True)


def load_latest(folder: Path, *, device: torch.device) -> State | None:
    """The newest whole checkpoint; None if none was ever completed.

    A damaged one is passed over with a warning that names the file and the reason.

    Raises:
        UnusableCheckpoint: If there are checkpoints and all are damaged.
    """
    steps = sorted({path.stem for path in folder.glob("[0-9]*.*")}, reverse=True)
    damaged: list[str] = []
    for step in steps:
        manifest = folder / f"{step}.json"
        reason = _damage(folder / f"{step}.pt", manifest)
        if reason is None:
            return torch.load(folder / f"{step}.pt", map_location=device, weights_only=True)
        warnings.warn(f"checkpoint {folder / step}.pt {reason}: passed over", stacklevel=2)
        if manifest.exists():  # without one the save was cut off before it counted
            damaged.append(f"{step}.pt {reason}")
    if damaged:
        raise UnusableCheckpoint(
            f"no usable checkpoint in {folder}: {'; '.join(damaged)}; "
            "restore one from a copy, or start afresh with --overwrite"
        )
    return None


def _damage(file: Path, manifest: Path) -> str | None:
    """Why a checkpoint cannot be trusted; None if it can."""
    try:
        expected = json.loads(manifest.read_bytes())["sha256"]
    except FileNotFoundError:
        return "has no manifest"
    except (ValueError, KeyError, TypeError):
        return "has an unreadable manifest"
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return "is missing"
    return None if sha256(content) == expected else "does not match its sha256"
