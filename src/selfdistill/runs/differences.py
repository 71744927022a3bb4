"""How recipes differ, and images from those of a run."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from .contents import SPLITS
from .directory import RunDirectory
from .reading import read_json

MAX_SHOWN = 3


def recipe_differences(stored: object, given: object, name: str = "") -> list[str]:
    """Fields in which two recipes differ, each with both values."""
    if isinstance(stored, dict) and isinstance(given, dict):
        if stored.get("class_path") != given.get("class_path"):
            stored, given = ({"class_path": d.get("class_path")} for d in (stored, given))
        keys = [*stored, *(key for key in given if key not in stored)]
        prefix = f"{name}." if name else ""
        return [
            difference
            for key in keys
            for difference in recipe_differences(stored.get(key), given.get(key), f"{prefix}{key}")
        ]
    return [] if stored == given else [f"{name}: {stored} there, {given} now"]


def changed_files(run: RunDirectory, files: Mapping[str, Sequence[str]] | None) -> str:
    """How the picture files differ from those of a run: classes and numbers; empty if unknown."""
    if files is None or not run.files_file.is_file():
        return ""
    before, now = _by_folder(read_json(run.files_file).values), _by_folder(files)
    changes: list[str] = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name, set()), now.get(name, set())
        if not old or not new:
            changes.append(
                f"class {name} is {'new' if new else 'gone'}, {len(old or new)} pictures"
            )
            continue
        for word, some in (("more", new - old), ("fewer", old - new)):
            if some:
                noun = "picture" if len(some) == 1 else "pictures"
                changes.append(f"{len(some)} {noun} {word} in {name}, such as {min(some)}")
    shown, more = changes[:MAX_SHOWN], len(changes) - MAX_SHOWN
    if not changes:
        return "the same files hold other pictures, or are divided otherwise"
    return "; ".join([*shown, *([f"and {more} more changes"] if more > 0 else [])])


def _by_folder(parts: Mapping[str, object]) -> dict[str, set[str]]:
    """The pictures of all splits by the folder that holds them, which is mostly a class's."""
    folders: dict[str, set[str]] = {}
    for part in SPLITS:
        names = parts.get(part)
        for name in names if isinstance(names, list | tuple) else ():  # pyright: ignore
            folders.setdefault(PurePath(str(name)).parent.name or ".", set()).add(str(name))  # pyright: ignore
    return folders
