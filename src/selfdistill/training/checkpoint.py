"""Checkpoints that survive a crash at any moment and never load damaged.

A checkpoint is ``STEP.pt`` and counts only once its manifest ``STEP.json``, which holds the file's
sha256, has landed. The last two whole ones are kept.
"""

import io
import re
import warnings
from contextlib import suppress
from pathlib import Path

import torch

from ..failures import UnusableCheckpoint
from ..runs import (
    CHECKPOINT_NAME,
    FIRST_SAVE,
    UNFINISHED_NAME,
    read_bytes,
    read_json,
    replace_file,
    sha256,
    write_json,
)

State = dict[str, object]
MAX_BYTES = 1 << 40


def save(folder: Path, step: int, state: State) -> None:
    """Write the state reached after ``step`` optimizer steps; of older ones keep the newest whole.

    Earlier ones are intact if the disk refuses, and files of other names stay.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    name = f"{step:09d}"
    if not _steps(folder):
        replace_file(folder / FIRST_SAVE, b"")
    for ending in (".pt", ".json"):
        with suppress(OSError):  # an empty folder makes way; one that holds something stays
            (folder / f"{name}{ending}").rmdir()
    replace_file(folder / f"{name}.pt", content)
    write_json(
        folder / f"{name}.json", {"sha256": sha256(content), "bytes": len(content), "step": step}
    )
    _tidy(folder, name)


def _tidy(folder: Path, newest: str) -> None:
    """Remove all checkpoints but the newest and the newest whole one before it."""
    older = (step for step in _steps(folder) if step < newest)
    whole = (step for step in older if isinstance(_content(folder, step), bytes))
    kept = {newest, next(whole, newest)}
    names = {f"{step}{ending}" for step in kept for ending in (".pt", ".json")}
    own = re.compile(f"{CHECKPOINT_NAME}|{UNFINISHED_NAME}")
    for file in folder.iterdir():
        if own.fullmatch(file.name) and file.name not in names and not file.is_dir():
            file.unlink(missing_ok=True)


def load_latest(folder: Path, *, device: torch.device) -> State | None:
    """The newest whole checkpoint, with a warning of damaged ones; None if none was completed."""
    damaged: list[str] = []
    for step in _steps(folder):
        content = _content(folder, step)
        if isinstance(content, bytes):
            try:
                state = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
            except Exception:  # reading what is not a pickle can fail in any way
                state = None
            if isinstance(state, dict):
                return state
            content = "does not hold a checkpoint's state"
        warnings.warn(f"checkpoint {folder / step}.pt {content}: passed over", stacklevel=2)
        damaged.append(f"{step}.pt {content}")
    cut_off = (folder / FIRST_SAVE).exists() and not any(folder.glob("*.json"))
    if damaged and not cut_off:
        raise UnusableCheckpoint(
            f"no usable checkpoint in {folder}: {'; '.join(damaged)}; "
            "restore one from a copy, or start afresh with --overwrite"
        )
    return None


def _steps(folder: Path) -> list[str]:
    """Names of checkpoints, whole or not, newest first."""
    names = (path.name for path in folder.glob("*") if path.name != FIRST_SAVE)
    return sorted({name[:9] for name in names if re.fullmatch(CHECKPOINT_NAME, name)}, reverse=True)


def _content(folder: Path, step: str) -> bytes | str:
    """What a checkpoint holds, or why it cannot be trusted."""
    manifest, file = folder / f"{step}.json", folder / f"{step}.pt"
    if not manifest.exists():
        return "has no manifest"
    try:
        expected = read_json(manifest).text("sha256")
    except (ValueError, OSError):
        return "has an unreadable manifest"
    if not file.exists():
        return "is missing"
    try:
        content = read_bytes(file, max_bytes=MAX_BYTES)
    except (ValueError, OSError) as error:
        return "is not a file" if isinstance(error, ValueError) else f"cannot be read ({error})"
    return content if sha256(content) == expected else "does not match its sha256"
