"""A folder of class folders, or of train, val and test folders of these."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import ClassVar

from ..splitting import ByClass, assign_splits, may_be_split, named_splits, split_of
from .decode import ENDINGS
from .listing import NOT_A_PICTURE, Files, Listing
from .prepare import OwnImages

LITTER = ("thumbs.db", "desktop.ini")
SPELLINGS = "train beside val, valid, validation or test"
TINY_IMAGENET = ("wnids.txt", "words.txt", "val/val_annotations.txt")
"""Files of Tiny ImageNet as it is published."""


@dataclass(frozen=True, kw_only=True)
class ImageFolder(OwnImages):
    """A folder of class folders, or ``train``, ``val`` and ``test`` folders of these.

    Class folders only are divided at random, class by class. Of ``train`` and one more folder, the
    second is the test split, and validation is carved from train. All three are taken as they are.
    Splits are named ``train`` or ``training``; ``val``, ``valid``, ``validation`` or ``dev``;
    ``test`` or ``testing``: in any case, and with ``_set`` behind. Links are followed, also to
    what lies outside of the folder; a link to what is read anyway is passed over.

    Each picture is decoded once: turned upright, its shorter side scaled to about ``image_size /
    0.875`` pixels (bilinearly, antialiased), its centre cut to a square, which the cache keeps.
    Random crops are therefore taken from that square: they never see the ends of a long picture,
    nor more detail than the square has. Pictures of up to 64 pixels are kept without that margin.
    Pictures that cannot be read are left out with a warning; files that are not named as pictures
    are passed over and counted.

    Args:
        root: The folder.

    Raises:
        ValueError: If the size or a share is out of range.

    Examples:
        >>> ImageFolder(root="photos", image_size=224).splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("root", "cache_dir")

    root: str | Path

    def listing(self, *, for_training: bool = True) -> Listing:
        root = Path(self.root)
        if not root.is_dir():
            what = "is not a folder" if root.exists() else "does not exist"
            raise ValueError(
                f"{root} {what}: give a folder that holds a folder of pictures per class"
            )
        ignored: dict[str, str] = {}
        folders = {folder.name: folder for folder in _subfolders(root, root, ignored)}
        names = list(named_splits(folders, root).values())
        if len(names) == 1 and len(folders) > 1:
            # It may be a class as well: of trains, perhaps.
            inner = _names_in(folders[names[0]]) if split_of(names[0]) == "train" else ()
            names = names if inner else []
        if not names:
            _refuse_unclear(root, folders, for_training=for_training)
            parts = _list_parts(root, {"all": list(folders.values())}, ignored)
            note = "class folders only: every class is divided at random"
            return Listing(Files(root), parts, ignored, note, for_training)
        parts = _list_parts(root, _class_folders(root, folders, names, ignored), ignored)
        alone = names[0] if for_training and len(names) == 1 else None
        where = root / alone if alone else root
        parts, note = assign_splits(parts, where, for_training=for_training)
        if alone:
            note = f"{alone} only: every class is divided at random"
        return Listing(Files(root), parts, ignored, note, for_training)


def _refuse_unclear(root: Path, folders: Mapping[str, Path], *, for_training: bool) -> None:
    """Refuse fewer than two classes, and what may be splits: folders of the same folders."""
    within = {name: _names_in(path) for name, path in folders.items() if may_be_split(name)}
    for (name, inner), (other, others) in combinations(sorted(within.items()), 2):
        if inner & others:
            raise ValueError(
                f"{root} holds {name} and {other}, both with {min(inner & others)!r}: they "
                f"look like splits, not classes; name them as splits, {SPELLINGS}"
            )
    if len(folders) < 2 and (for_training or not folders):
        content = f"the single class {min(folders)!r}" if folders else "no class folder"
        raise ValueError(f"{root} holds {content}: give a folder of pictures for each class")


def _class_folders(
    root: Path, folders: Mapping[str, Path], splits: Sequence[str], ignored: dict[str, str]
) -> dict[str, list[Path]]:
    """The class folders of each split's folder; folders beside these are refused or ignored."""
    others = sorted(folders.keys() - set(splits))
    if others and len(splits) == 1:
        raise ValueError(f"{root} holds {splits[0]} beside {others[0]}: expected is {SPELLINGS}")
    if unclear := [name for name in others if may_be_split(name)]:
        raise ValueError(
            f"{root} holds {unclear[0]} beside {' and '.join(splits)}: if it is a split "
            "too, name it train, val or test; if not, move it elsewhere"
        )
    if all((root / name).exists() for name in TINY_IMAGENET):
        raise ValueError(
            f"{root} is Tiny ImageNet as it is published: --data TinyImageNet --data.root "
            f"{root.absolute().parent} reads it"
        )
    ignored |= dict.fromkeys(others, "beside train and test, so not a class")
    classes = {name: _subfolders(root, folders[name], ignored) for name in splits}
    for name, inner in classes.items():
        if not inner:
            raise ValueError(
                f"{root / name} holds no class folder: give a folder of pictures for each class"
            )
    return classes


def _names_in(folder: Path) -> set[str]:
    """Names of the folders in a folder."""
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_dir() and not _hidden(entry.name)}


def _subfolders(root: Path, parent: Path, ignored: dict[str, str]) -> list[Path]:
    """The folders in a folder, sorted by name."""
    folders: list[Path] = []
    for entry in sorted(parent.iterdir(), key=lambda entry: entry.name):
        name = entry.relative_to(root).as_posix()
        if _hidden(entry.name):
            ignored[name] = "hidden"
        elif not entry.is_dir():
            ignored[name] = "lies in no class folder"
        elif entry.is_symlink() and parent.resolve().is_relative_to(entry.resolve()):
            ignored[name] = "a link to a folder that holds it"
        else:
            folders.append(entry)
    return folders


def _list_parts(
    root: Path, folders: Mapping[str, Sequence[Path]], ignored: dict[str, str]
) -> dict[str, ByClass]:
    """Images of each part's class folders, none of which may be another, or lie in another."""
    origins: dict[Path, Path] = {}
    for folder in chain(*folders.values()):
        path = folder.resolve()
        around = next((origins[one] for one in (path, *path.parents) if one in origins), None)
        if around is not None:
            raise ValueError(f"{folder} is the same folder as {around}, or in it: keep one of them")
        origins[path] = folder
    return {
        part: {
            folder.name: tuple(sorted(_images_below(root, folder, origins, ignored)))
            for folder in classes
        }
        for part, classes in folders.items()
    }


def _images_below(
    root: Path, folder: Path, classes: Iterable[Path], ignored: dict[str, str]
) -> Iterator[str]:
    """Images below a class folder; a link to a folder is followed unless that is read anyway."""
    visited = list(classes)
    for parent, folders, files in os.walk(folder, followlinks=True):
        here = Path(parent).relative_to(root)
        descend: list[str] = []
        for name in sorted(folders):
            path, why = Path(parent, name), "hidden" if _hidden(name) else ""
            if path.is_symlink() and not why:
                target = path.resolve()
                if any(one.is_relative_to(target) or target.is_relative_to(one) for one in visited):
                    why = "a link to a folder that is read anyway, or to one around it"
                else:
                    visited.append(target)
            if why:
                ignored[(here / name).as_posix()] = why
            else:
                descend.append(name)
        folders[:] = descend
        for name in files:
            if _hidden(name):
                ignored[(here / name).as_posix()] = "hidden"
            elif name.lower().endswith(ENDINGS):
                yield (here / name).as_posix()
            else:
                ignored[(here / name).as_posix()] = NOT_A_PICTURE


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX")) or name.lower() in LITTER
