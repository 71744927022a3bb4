"""A folder of class folders, or of train, val and test folders of these."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import ClassVar

from .formats import ENDINGS
from .listing import NOT_A_PICTURE, ByClass, Listing
from .prepare import OwnImages
from .source import Files
from .split_names import assign_splits, may_be_split, named_splits, split_of

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

    Example:
        >>> ImageFolder(root="photos", image_size=224).splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("root", "cache_dir")

    root: str | Path

    def listing(self, *, for_training: bool = True) -> Listing:
        """List the folder.

        Raises:
            ValueError: If there is no such folder, it holds fewer than two classes, a class is
                empty or has too few files, parts of the folder name different classes, or folders
                might be splits or classes.
        """
        return list_folder(Path(self.root), for_training=for_training)


def list_folder(root: Path, *, for_training: bool = True) -> Listing:
    """List a folder; one that holds ``train`` alone is divided as class folders are.

    Hidden files and folders, and files that are not named as images, are ignored. Classes are the
    sorted names of the class folders, and images may lie in folders of their own within them, also
    behind links. Unless for training, what cannot be divided is listed too.
    """
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise ValueError(f"{root} {what}: give a folder that holds a folder of pictures per class")
    ignored: dict[str, str] = {}
    folders = {folder.name: folder for folder in _subfolders(root, root, ignored)}
    splits = named_splits(folders, root)
    if len(splits) > 1 or (splits and _is_split(min(splits.values()), folders)):
        return _list_splits(root, folders, splits, ignored, for_training=for_training)
    _refuse_unclear(root, folders)
    if len(folders) < 2 and (for_training or not folders):
        content = f"the single class {min(folders)!r}" if folders else "no class folder"
        raise ValueError(f"{root} holds {content}: give a folder of pictures for each class")
    classes = list(folders.values())
    parts = {"all": _list_classes(root, classes, _resolve_distinct(classes), ignored)}
    # The note is part of the cache's key: another wording decodes all images again.
    note = "class folders only: every class is divided at random" if for_training else ""
    return Listing(Files(root), parts, ignored, note, for_training)


def _is_split(name: str, folders: Mapping[str, Path]) -> bool:
    """Whether the only folder named as a split is one, not a class, of trains perhaps."""
    return len(folders) == 1 or (split_of(name) == "train" and bool(_names_within(folders[name])))


def _list_splits(
    root: Path,
    folders: Mapping[str, Path],
    splits: Mapping[str, str],
    ignored: dict[str, str],
    *,
    for_training: bool,
) -> Listing:
    others = sorted(folders.keys() - set(splits.values()))
    if others and len(splits) == 1:
        name = min(splits.values())
        raise ValueError(f"{root} holds {name} beside {others[0]}: expected is {SPELLINGS}")
    if unclear := [name for name in others if may_be_split(name)]:
        raise ValueError(
            f"{root} holds {unclear[0]} beside {' and '.join(splits.values())}: if it is a split "
            "too, name it train, val or test; if not, move it elsewhere"
        )
    if all((root / name).exists() for name in TINY_IMAGENET):
        raise ValueError(
            f"{root} is Tiny ImageNet as it is published: --data TinyImageNet --data.root "
            f"{root.absolute().parent} reads it"
        )
    ignored |= dict.fromkeys(others, "beside train and test, so not a class")
    classes = {name: _subfolders(root, folders[name], ignored) for name in splits.values()}
    for name, inner in classes.items():
        if not inner:
            raise ValueError(
                f"{root / name} holds no class folder: give a folder of pictures for each class"
            )
    resolved = _resolve_distinct([folder for inner in classes.values() for folder in inner])
    parts = {name: _list_classes(root, inner, resolved, ignored) for name, inner in classes.items()}
    alone = min(parts) if len(parts) == 1 else None
    where = root / alone if alone and for_training else root
    by_split, rule = assign_splits(parts, where, for_training=for_training)
    # The rule is part of the cache's key: another wording decodes all images again.
    if alone and for_training:
        rule = f"{alone} only: every class is divided at random"
    return Listing(Files(root), by_split, ignored, rule, for_training)


def _refuse_unclear(root: Path, folders: Mapping[str, Path]) -> None:
    """Refuse what may be splits, and would be taken for classes: folders of the same folders."""
    within = {name: _names_within(path) for name, path in folders.items() if may_be_split(name)}
    for (name, inner), (other, others) in combinations(sorted(within.items()), 2):
        if inner & others:
            raise ValueError(
                f"{root} holds {name} and {other}, both with {min(inner & others)!r}: they "
                f"look like splits, not classes; name them as splits, {SPELLINGS}"
            )


def _names_within(folder: Path) -> set[str]:
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


def _resolve_distinct(folders: Iterable[Path]) -> list[Path]:
    """Class folders with their links resolved; none may be another, or lie in another."""
    origins: dict[Path, Path] = {}
    for folder in folders:
        path = folder.resolve()
        around = next((origins[one] for one in (path, *path.parents) if one in origins), None)
        if around is not None:
            raise ValueError(f"{folder} is the same folder as {around}, or in it: keep one of them")
        origins[path] = folder
    return list(origins)


def _list_classes(
    root: Path, folders: Iterable[Path], resolved: Sequence[Path], ignored: dict[str, str]
) -> ByClass:
    """Images of class folders; ``resolved`` are those of all splits, which no link may repeat."""
    return {
        folder.name: tuple(sorted(_images_below(root, folder, resolved, ignored)))
        for folder in folders
    }


def _images_below(
    root: Path, folder: Path, resolved: Sequence[Path], ignored: dict[str, str]
) -> Iterator[str]:
    """Images below a class folder; links to folders are followed, each folder once."""
    visited = list(resolved)
    for parent, folders, files in os.walk(folder, followlinks=True):
        here = Path(parent).relative_to(root)
        descend: list[str] = []
        for name in sorted(folders):
            path = Path(parent, name)
            if _hidden(name):
                ignored[(here / name).as_posix()] = "hidden"
                continue
            if path.is_symlink():
                target = path.resolve()
                if any(one.is_relative_to(target) or target.is_relative_to(one) for one in visited):
                    why = "a link to a folder that is read anyway, or to one around it"
                    ignored[(here / name).as_posix()] = why
                    continue
                visited.append(target)
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
