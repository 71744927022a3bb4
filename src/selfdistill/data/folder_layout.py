"""Which files of a folder of class folders belong to which split and class."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .listing import SPLITS, VALIDATION, Listing, Picked, arrange
from .pictures import Files

LITTER = ("thumbs.db", "desktop.ini")


def find_pictures(root: Path) -> Listing:
    """List a folder of class folders, or of ``train``, ``val`` and ``test`` with class folders.

    A folder that holds ``train`` alone is divided as class folders are. Hidden files and folders
    are ignored. Classes are the sorted names of the class folders, and pictures may lie in folders
    of their own within them.

    Raises:
        ValueError: If there is no such folder, it holds fewer than two classes, a class is empty or
            has too few files, parts of the folder name different classes, or ``train`` lies beside
            folders none of which names a split.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder: give one that holds a folder of pictures per class")
    ignored: dict[str, str] = {}
    folders = {folder.name: folder for folder in _folders(root, root, ignored)}
    if "train" not in folders or _is_class(folders, root):
        if len(folders) < 2:
            held = f"the single class {min(folders)!r}" if folders else "no class folder"
            raise ValueError(f"{root} holds {held}: give a folder of pictures for each class")
        parts = {"all": _classes(root, root, ignored)}
        return Listing(
            Files(root), parts, ignored, "class folders only: every class is divided at random"
        )
    if not folders.keys() & {*VALIDATION, "test"}:
        return _train_only(root, folders, ignored)
    for name in folders.keys() - set(SPLITS):
        ignored[name] = "beside train and test, so no class"
    found = {name: _classes(root, folders[name], ignored) for name in SPLITS if name in folders}
    parts, rule = arrange(found, root)
    return Listing(Files(root), parts, ignored, rule)


def _is_class(folders: Mapping[str, Path], root: Path) -> bool:
    """Whether ``train`` is a class of pictures, of trains perhaps, beside other classes."""
    return len(folders) > 1 and not _folders(root, folders["train"], {})


def _train_only(root: Path, folders: Mapping[str, Path], ignored: dict[str, str]) -> Listing:
    others = sorted(folders.keys() - {"train"})
    if others:
        raise ValueError(
            f"{root} holds train beside {others[0]}: expected is train beside "
            f"{', '.join(VALIDATION)} or test"
        )
    found = {"train": _classes(root, folders["train"], ignored)}
    parts, _ = arrange(found, folders["train"])
    return Listing(Files(root), parts, ignored, "train only: every class is divided at random")


def _folders(root: Path, parent: Path, ignored: dict[str, str]) -> list[Path]:
    folders: list[Path] = []
    for entry in sorted(parent.iterdir(), key=lambda entry: entry.name):
        name = entry.relative_to(root).as_posix()
        if _hidden(entry.name):
            ignored[name] = "hidden"
        elif entry.is_dir():
            folders.append(entry)
        else:
            ignored[name] = "lies in no class folder"
    return folders


def _classes(root: Path, parent: Path, ignored: dict[str, str]) -> Picked:
    folders = _folders(root, parent, ignored)
    return {folder.name: tuple(_pictures(root, folder, ignored)) for folder in folders}


def _pictures(root: Path, folder: Path, ignored: dict[str, str]) -> Iterable[str]:
    names: list[str] = []
    for place, inner, files in os.walk(folder):
        here = Path(place).relative_to(root)
        for name in (*inner, *files):
            if _hidden(name):
                ignored[(here / name).as_posix()] = "hidden"
        inner[:] = [name for name in inner if not _hidden(name)]
        names += [(here / name).as_posix() for name in files if not _hidden(name)]
    return sorted(names)


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX")) or name.lower() in LITTER
