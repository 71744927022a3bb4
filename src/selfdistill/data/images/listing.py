"""A listing of images: where they come from, and which belong to which part and class."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from .source import Source

NOT_A_PICTURE = "not named as a picture"
MAX_REFUSED_SHARE = 0.05
MAX_NAMED = 5
"""Of what a message counts, how many it names."""

ByClass = dict[str, tuple[str, ...]]
"""Names of the images of each class; the classes are sorted."""


@dataclass(frozen=True)
class Listing:
    """Images by part and by class; refuses what cannot be trained on, unless only looked at.

    ``parts`` are ``all``, or ``train`` and ``test``, or these and ``validation``; ``ignored`` says
    what is passed over, and why; ``note`` is the rule that makes splits of the parts. With
    ``for_training`` every class needs images in every part, and enough to be divided.
    """

    source: Source
    parts: dict[str, ByClass]
    ignored: dict[str, str]
    note: str
    for_training: bool = True

    def __post_init__(self) -> None:
        _check_names([*self.classes, *self.names()], self.source.name)
        if self.for_training:
            for part, classes in self.parts.items():
                _check_counts(part, classes, self.others)
        elif not self.names():
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

    def names(self) -> list[str]:
        """All images, part after part and class after class."""
        return [name for part in self.parts.values() for names in part.values() for name in names]

    def without(self, refused: Mapping[str, str]) -> "Listing":
        """Leave refused images out; a ValueError if they are too many, or leave a class too few.

        ``refused`` says why each is refused, by name.
        """
        count = len(self.names())
        if len(refused) > MAX_REFUSED_SHARE * count:
            raise ValueError(
                f"{len(refused)} of {count} files in {self.source.name} cannot be used, more than "
                f"{MAX_REFUSED_SHARE:.0%}: {name_some(refused)}: remove or repair them"
            )
        parts = {
            part: {
                label: tuple(name for name in names if name not in refused)
                for label, names in classes.items()
            }
            for part, classes in self.parts.items()
        }
        return replace(self, parts=parts)


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
    least = {"all": 3, "train": 2}.get(part, 1)
    short = {label: len(names) for label, names in classes.items() if len(names) < least}
    if not short:
        return
    where = "" if part == "all" else f" in the {part} split"
    some = " and ".join(
        f"class {label!r} has {count} usable pictures"
        for label, count in sorted(short.items(), key=lambda pair: pair[1])[:MAX_NAMED]
    )
    more = f" and {len(short) - MAX_NAMED} more classes too few" if len(short) > MAX_NAMED else ""
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
