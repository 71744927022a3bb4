"""Recipes as flat fields, how recipes differ, and how images differ from those of a run."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from ..terminal import shown
from .contents import SPLITS
from .directory import RunDirectory
from .reading import read_json

MAX_SHOWN = 3
Scalar = None | bool | int | float | str
Fields = Mapping[str, Scalar]


def flatten(recipe: Mapping[str, object]) -> dict[str, Scalar]:
    """Write a nested recipe as dotted fields, as reports compare it and trackers show it.

    ``{"method": {"class_path": "KD", "init_args": {"temperature": 4}}}`` becomes
    ``{"method.class_path": "KD", "method.temperature": 4}``; elements of lists are numbered.
    """
    fields: dict[str, Scalar] = {}
    for name, value in recipe.items():
        key = "" if name == "init_args" else shown(name)
        if isinstance(value, list):
            value = dict(enumerate(value))
        if isinstance(value, Mapping):
            inner = flatten({str(name): element for name, element in value.items()})
            fields |= {f"{key}.{name}".lstrip("."): element for name, element in inner.items()}
        elif value is None or isinstance(value, bool | int | float | str):
            fields[key] = shown(value) if isinstance(value, str) else value
        else:
            raise TypeError(f"{key} is {value!r:.40}, not a plain value")
    return fields


def recipe_differences(stored: object, current: object, name: str = "") -> list[str]:
    """Fields in which two recipes differ, each with both values."""
    if isinstance(stored, dict) and isinstance(current, dict):
        if stored.get("class_path") != current.get("class_path"):
            stored, current = ({"class_path": d.get("class_path")} for d in (stored, current))
        prefix = f"{name}." if name else ""
        return [
            difference
            for key in {**stored, **current}
            for difference in recipe_differences(
                stored.get(key), current.get(key), f"{prefix}{key}"
            )
        ]
    return [] if stored == current else [f"{name}: {stored} there, {current} now"]


def changed_files(run: RunDirectory, files: Mapping[str, Sequence[str]] | None) -> str:
    """How the picture files differ from those of a run: classes and numbers; empty if unknown."""
    if files is None or not run.files_file.is_file():
        return ""
    before, now = _by_folder(read_json(run.files_file).values), _by_folder(files)
    changes: list[str] = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name, set()), now.get(name, set())
        if not old or not new:
            state = "new" if new else "gone"
            changes.append(f"class {name} is {state}, {len(old or new)} pictures")
            continue
        for word, some in (("more", new - old), ("fewer", old - new)):
            if some:
                noun = "picture" if len(some) == 1 else "pictures"
                changes.append(f"{len(some)} {noun} {word} in {name}, such as {min(some)}")
    if not changes:
        return "the same files hold other pictures, or are divided otherwise"
    if len(changes) > MAX_SHOWN:
        changes[MAX_SHOWN:] = [f"and {len(changes) - MAX_SHOWN} more changes"]
    return "; ".join(changes)


def _by_folder(parts: Mapping[str, object]) -> dict[str, set[str]]:
    """The pictures of all splits by the folder that holds them, which is mostly a class's."""
    folders: dict[str, set[str]] = {}
    for part in SPLITS:
        names = parts.get(part)
        for name in names if isinstance(names, list | tuple) else ():  # pyright: ignore
            folders.setdefault(PurePath(str(name)).parent.name or ".", set()).add(str(name))  # pyright: ignore
    return folders
