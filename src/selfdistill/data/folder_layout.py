"""Which files of a folder of class folders belong to which split and class."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from .randomness import generator

VALIDATION = ("val", "valid", "validation")
LITTER = ("thumbs.db", "desktop.ini")
MOST_REFUSED = 0.05
NAMED = 5

Picked = dict[str, tuple[str, ...]]
"""Files of each class, relative to the root."""


@dataclass(frozen=True)
class Layout:
    """The files of a folder, by part of the folder and by class.

    Args:
        root: The folder.
        parts: ``all``, or ``train`` and ``test``, or these and ``validation``.
        ignored: What is passed over, relative to the root, and why.
        note: Which rule divides the folder into splits.
    """

    root: Path
    parts: dict[str, Picked]
    ignored: dict[str, str]
    note: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(next(iter(self.parts.values())))

    def files(self) -> list[str]:
        """All files, part after part and class after class."""
        return [name for part in self.parts.values() for names in part.values() for name in names]

    def without(self, refused: Mapping[str, str]) -> "Layout":
        """Leave refused files out.

        Args:
            refused: Why each is refused, by path relative to the root.

        Raises:
            ValueError: If they are more than one in twenty, or a class has too few files left.
        """
        count = len(self.files())
        if len(refused) > MOST_REFUSED * count:
            raise ValueError(
                f"{len(refused)} of {count} files in {self.root} cannot be used, more than "
                f"{MOST_REFUSED:.0%}: {name_some(refused)}: remove or repair them"
            )
        parts = {
            part: {name: _without(names, refused) for name, names in classes.items()}
            for part, classes in self.parts.items()
        }
        for part, classes in parts.items():
            _check_counts(part, classes)
        return replace(self, parts=parts)


def find_pictures(root: Path) -> Layout:
    """List a folder of class folders, or of ``train``, ``val`` and ``test`` with class folders.

    Hidden files and folders are ignored. Classes are the sorted names of the class folders, and
    pictures may lie in folders of their own within them.

    Raises:
        ValueError: If there is no such folder, it holds fewer than two classes, a class is empty or
            has too few files, or parts of the folder name different classes.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder: give one that holds a folder of pictures per class")
    ignored: dict[str, str] = {}
    names = {folder.name: folder for folder in _folders(root, root, ignored)}
    validation = [name for name in VALIDATION if name in names]
    if "train" not in names or not (validation or "test" in names):
        parts = {"all": _classes(root, root, ignored)}
    else:
        parts = _parts(root, names, validation, ignored)
    layout = Layout(root, parts, ignored, _note(parts, validation))
    for part, classes in parts.items():
        _check_counts(part, classes)
    return layout


def divide(classes: Picked, shares: tuple[float, ...], seed: int) -> tuple[Picked, ...]:
    """Set aside shares of every class at random.

    Args:
        classes: Files of each class.
        shares: Share of each class for each set, 0 to 1; above 0 gives at least one file.
        seed: Decides the choice, together with how many files each class has.

    Returns:
        The sets in the order of their shares, then the rest; files keep their order.

    Raises:
        ValueError: If nothing is left of a class.
    """
    results: tuple[Picked, ...] = tuple({} for _ in range(len(shares) + 1))
    for name, files in classes.items():
        order = torch.randperm(len(files), generator=generator(seed, "split", name)).tolist()
        counts = [max(1, round(share * len(files))) if share else 0 for share in shares]
        if sum(counts) >= len(files):
            raise ValueError(
                f"class {name!r} has {len(files)} pictures, {sum(counts)} of them to be set aside: "
                f"give it {sum(counts) + 1} or more"
            )
        start = 0
        for result, count in zip(results, (*counts, len(files) - sum(counts)), strict=True):
            result[name] = tuple(files[i] for i in sorted(order[start : start + count]))
            start += count
    return results


def name_some(refused: Mapping[str, str]) -> str:
    """Name the first few refused files with their reasons."""
    some = "; ".join(f"{name} {reason}" for name, reason in list(refused.items())[:NAMED])
    return some + (f"; and {len(refused) - NAMED} more" if len(refused) > NAMED else "")


def _parts(
    root: Path, names: dict[str, Path], validation: list[str], ignored: dict[str, str]
) -> dict[str, Picked]:
    if len(validation) > 1:
        raise ValueError(f"{root} holds {' and '.join(validation)}: keep one of them")
    used = {"train": "train", **dict.fromkeys(validation, "validation"), "test": "test"}
    if "test" not in names:
        used = {"train": "train", validation[0]: "test"}
    for name in names.keys() - used.keys():
        ignored[name] = "beside train and test, so no class"
    parts = {part: _classes(root, names[name], ignored) for name, part in used.items()}
    expected = set(parts["train"])
    for name, part in used.items():
        other = set(parts[part])
        for wrong, missing in ((other - expected, "train"), (expected - other, name)):
            if wrong:
                raise ValueError(
                    f"class {min(wrong)!r} has no folder in {root / missing}: "
                    f"train and {name} must hold the same classes ({len(wrong)} differ)"
                )
    return parts


def _note(parts: dict[str, Picked], validation: list[str]) -> str:
    if "all" in parts:
        return "class folders only: every class is divided at random"
    if "validation" in parts:
        return f"train, {validation[0]} and test are taken as they are"
    name = validation[0] if validation else "test"
    return f"train and {name} only: {name} is the test split, validation is carved from train"


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
    if len(folders) < 2:
        found = f"the single class {folders[0].name!r}" if folders else "no class folder"
        raise ValueError(f"{parent} holds {found}: give a folder of pictures for each class")
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


def _without(names: tuple[str, ...], refused: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in refused)


def _check_counts(part: str, classes: Picked) -> None:
    least = {"all": 3, "train": 2}.get(part, 1)
    counts = {name: len(files) for name, files in classes.items()}
    name = min(counts, key=counts.__getitem__)
    if counts[name] < least:
        where = "" if part == "all" else f" in the {part} split"
        raise ValueError(
            f"class {name!r} has {counts[name]} usable pictures{where}: give it {least} or more, "
            "or remove its folder"
        )
