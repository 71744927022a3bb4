"""Everything that a finished run says, but for times and places, to be compared with another's."""

import hashlib
import json

import numpy as np
import torch

UNTOLD = ("environment.json",)
TIMING = ("seconds", "training_seconds", "images_per_second", "peak_memory_bytes")
ELSEWHERE = ("environment", "files", "sha256")
"""Fields that hold times, and hashes of files that hold times."""


def digest(path):
    """What each file of a run says, by its name; of one that cannot be read, why."""
    files = [file for file in sorted(path.rglob("*")) if not file.name.startswith(".")]
    names = [str(file.relative_to(path)) for file in files]
    older = sorted(name for name in names if name.startswith("checkpoints/"))[:-2]
    parts = {
        "names": [name for name in names if name not in older],
        "left over": sorted(p.name for p in path.rglob(".new-*")),
    }
    for name, file in zip(names, files, strict=True):
        if file.is_file() and name not in (*older, *UNTOLD):
            try:
                parts[name] = _READERS.get(file.suffix, _bytes)(file)
            except Exception as error:
                parts[name] = repr(error)
    return parts


def differing(one, other):
    """Names of the parts in which two digests differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def tree(path):
    """The content of every file of a folder, to see that nothing was changed."""
    return {
        str(file.relative_to(path)): _hash(file.read_bytes())
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.is_symlink() and not file.name.startswith(".")
    }


def _checkpoint(file):
    state = torch.load(file, weights_only=True)
    untold = (*TIMING, "logs")  # the lines of files that are compared themselves
    return {name: _hash(value) for name, value in state.items() if name not in untold}


def _lines(file):
    return [_untimed(json.loads(line)) for line in file.read_text().splitlines()]


def _fields(file):
    values = json.loads(file.read_text())
    return {
        name: _untimed(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if name not in (*ELSEWHERE, "sha256", "bytes")
    }


def _arrays(file):
    with np.load(file) as arrays:
        return {name: _hash(arrays[name].tobytes()) for name in sorted(arrays)}


def _bytes(file):
    return _hash(file.read_bytes())


_READERS = {".pt": _checkpoint, ".jsonl": _lines, ".json": _fields, ".npz": _arrays}


def _untimed(fields):
    return {name: value for name, value in fields.items() if name not in TIMING}


def _hash(value):
    result = hashlib.sha256()
    _feed(result, value)
    return result.hexdigest()


def _feed(result, value):
    if isinstance(value, torch.Tensor):
        result.update(str((value.dtype, tuple(value.shape))).encode())
        result.update(value.contiguous().numpy().tobytes())
    elif isinstance(value, dict):
        for key, inner in value.items():
            _feed(result, str(key))
            _feed(result, inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _feed(result, inner)
    else:
        result.update(value if isinstance(value, bytes) else repr(value).encode())
