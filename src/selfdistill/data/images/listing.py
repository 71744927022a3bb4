"""A listing of images: where they come from, and which belong to which part and class."""

import abc
import os
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TypeVar

from ..splitting import ByClass

NOT_A_PICTURE = "not named as a picture"
MAX_REFUSED_SHARE = 0.05
MAX_NAMED = 5
"""Of what a message counts, how many it names."""
CHUNK = 256
"""Images that are read before any is handed on."""
MIN_PER_CLASS = {"all": 3, "train": 2}
"""Images that a class needs in a part, so that it can be divided; elsewhere one will do."""

State = list[str | int]
"""What changes whenever an image, or a file of many images, does."""
Result = TypeVar("Result")


class Source(abc.ABC):
    """Images by name."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What messages call it."""

    @property
    @abc.abstractmethod
    def identity(self) -> str:
        """What tells it from every other source."""

    @abc.abstractmethod
    def states(self, names: Sequence[str]) -> list[State]:
        """What changes whenever one of these images, or their order, does."""

    @abc.abstractmethod
    def encoded(self, names: Sequence[str]) -> Sequence[Path | bytes]:
        """The encoded images: their files or their bytes."""

    def map(
        self, names: Sequence[str], function: Callable[[Path | bytes], Result]
    ) -> Generator[tuple[str, Result]]:
        """Apply a function to images, many at a time, and give names and results in order."""
        # Threads share the filter of warnings, so it is set once around them.
        with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
            warnings.simplefilter("ignore")
            for start in range(0, len(names), CHUNK):
                chunk = names[start : start + CHUNK]
                yield from zip(chunk, pool.map(function, self.encoded(chunk)), strict=True)


@dataclass(frozen=True)
class Files(Source):
    """Files below a folder, named by their path relative to it; the folder is never written to."""

    root: Path
    table: Path | None = None
    """The table that names the files, if there is one."""

    @property
    def name(self) -> str:
        return str(self.table or self.root)

    @property
    def identity(self) -> str:
        return str((self.table or self.root).resolve())

    def states(self, names: Sequence[str]) -> list[State]:
        return [file_state(self.root / name, name) for name in names]

    def encoded(self, names: Sequence[str]) -> list[Path]:
        return [self.root / name for name in names]


def file_state(path: Path, name: str) -> State:
    """Name and size of a file, when its content changed, and when anything of it did."""
    # Any program can set the first of these times, and copying keeps it; none can set the second.
    try:
        status = path.stat()
    except OSError:
        return [name, -1, -1, -1]
    return [name, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


@dataclass(frozen=True)
class Listing:
    """Images by part and by class; refuses what cannot be trained on, unless only looked at."""

    source: Source
    parts: dict[str, ByClass]
    """``all``, or ``train`` and ``test``, or these and ``validation``."""
    ignored: dict[str, str]
    """What is passed over, and why."""
    note: str
    """The rule that makes splits of the parts."""
    for_training: bool = True
    """Whether every class needs images in every part, and enough to be divided."""

    def __post_init__(self) -> None:
        _check_names([*self.classes, *names_in(self.parts)], self.source.name)
        if self.for_training:
            for part, classes in self.parts.items():
                _check_counts(part, classes, self.others)
        elif not names_in(self.parts):
            more = f" ({self.others})" if self.others else ""
            raise ValueError(f"{self.source.name} holds no pictures{more}")

    @property
    def others(self) -> str:
        """How many files that are not named as images are ignored; empty where there are none."""
        names = [name for name, why in self.ignored.items() if why == NOT_A_PICTURE]
        endings = Counter(PurePath(name).suffix.lower() or "no ending" for name in names)
        some = ", ".join(ending for ending, _ in endings.most_common(MAX_NAMED))
        return f"{len(names)} other files ignored ({some})" if names else ""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of the first part, sorted; none where nothing is listed."""
        return tuple(next(iter(self.parts.values()), ()))

    def checkwithout(self, refused: Mapping[str, str]) -> None:
        """A ValueError where a class has too few images without those that are refused."""
        replace(self, parts=without(self.parts, refused))  # a listing checks itself

    def readable(
        self, splits: Mapping[str, ByClass], refused: Mapping[str, str]
    ) -> dict[str, ByClass]:
        """What is left of splits of this listing without the images that are refused, and why.

        A ValueError if they are too many, or leave a class too few. Images are divided before any
        is read: one that is repaired moves no other to another split.
        """
        count = len(names_in(self.parts))
        if len(refused) > MAX_REFUSED_SHARE * count:
            raise ValueError(
                f"{len(refused)} of {count} files in {self.source.name} cannot be used, more than "
                f"{MAX_REFUSED_SHARE:.0%}: {name_some(refused)}: remove or repair them"
            )
        self.checkwithout(refused)
        left = without(splits, refused)
        if self.for_training:
            for label, names in left.get("train", {}).items():
                if not names:
                    unread = {name: refused[name] for name in splits["train"][label]}
                    raise ValueError(
                        f"class {label!r} has no training picture that can be read: "
                        f"{name_some(unread)}: repair them"
                    )
        return left


def names_in(parts: Mapping[str, ByClass]) -> list[str]:
    """All images, part after part and class after class."""
    return [name for part in parts.values() for names in part.values() for name in names]


def without(parts: Mapping[str, ByClass], refused: Mapping[str, str]) -> dict[str, ByClass]:
    """The parts without some images."""
    return {
        part: {
            label: tuple(name for name in names if name not in refused)
            for label, names in classes.items()
        }
        for part, classes in parts.items()
    }


def group_by_class(pairs: Iterable[tuple[str, str]]) -> ByClass:
    """Group pairs of name and class: classes sorted, names in the order given."""
    classes: dict[str, list[str]] = {}
    for name, label in pairs:
        classes.setdefault(label, []).append(name)
    return {label: tuple(classes[label]) for label in sorted(classes)}


def name_some(refused: Mapping[str, str]) -> str:
    """Name the first few refused images with their reasons."""
    some = "; ".join(f"{name} {reason}" for name, reason in list(refused.items())[:MAX_NAMED])
    return some + (f"; and {len(refused) - MAX_NAMED} more" if len(refused) > MAX_NAMED else "")


def _check_counts(part: str, classes: ByClass, others: str) -> None:
    least = MIN_PER_CLASS.get(part, 1)
    short = sorted((len(names), label) for label, names in classes.items() if len(names) < least)
    if not short:
        return
    some = " and ".join(
        f"class {label!r} has {count} usable pictures" for count, label in short[:MAX_NAMED]
    )
    more = f" and {len(short) - MAX_NAMED} more classes too few" if len(short) > MAX_NAMED else ""
    where = "" if part == "all" else f" in the {part} split"
    raise ValueError(
        f"{some}{more}{where}: give it {least} or more, or remove its folder"
        + (f"; {others}" if others else "")
    )


def _check_names(names: Iterable[str], where: str) -> None:
    """Refuse names that cannot be written into a run's files and reports."""
    wrong = [name for name in names if any("\ud800" <= sign <= "\udfff" for sign in name)]
    if wrong:
        raise ValueError(
            f"{len(wrong)} names in {where} are not UTF-8, such as {os.fsencode(wrong[0])!r}: "
            "rename them, for example with convmv"
        )
