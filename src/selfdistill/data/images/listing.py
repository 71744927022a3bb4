"""Which pictures belong to which split and class, however they were found."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

import torch

from ..randomness import generator
from .source import Source

SPLITS = ("train", "validation", "test")
WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What names a split, in any case; ``_set`` may follow, as in ``Test_set`` and ``trainset``."""
UNCLEAR = ("eval", "evaluation")
"""Validation to some tools, test to others."""
NOT_A_PICTURE = "not named as a picture"
MOST_REFUSED = 0.05
NAMED = 5

Picked = dict[str, tuple[str, ...]]
"""Names of the pictures of each class; the classes are sorted."""


@dataclass(frozen=True)
class Listing:
    """Pictures by part and by class.

    Args:
        source: Where they come from.
        parts: ``all``, or ``train`` and ``test``, or these and ``validation``.
        ignored: What is passed over, and why.
        note: Which rule makes splits of the parts.
        for_training: Whether every class needs pictures in every part, and enough to be divided.

    Raises:
        ValueError: If classes have too few pictures, there are none at all, or names are not UTF-8.
    """

    source: Source
    parts: dict[str, Picked]
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
        """How many files that are not named as pictures are ignored; empty where there are none."""
        names = [name for name, why in self.ignored.items() if why == NOT_A_PICTURE]
        endings = Counter(PurePath(name).suffix.lower() or "no ending" for name in names)
        some = ", ".join(ending for ending, _ in endings.most_common(NAMED))
        return f"{len(names)} other files ignored ({some})" if names else ""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(next(iter(self.parts.values())))

    def names(self) -> list[str]:
        """All pictures, part after part and class after class."""
        return [name for part in self.parts.values() for names in part.values() for name in names]

    def without(self, refused: Mapping[str, str]) -> "Listing":
        """Leave refused pictures out.

        Args:
            refused: Why each is refused, by name.

        Raises:
            ValueError: If they are more than one in twenty, or a class has too few left.
        """
        count = len(self.names())
        if len(refused) > MOST_REFUSED * count:
            raise ValueError(
                f"{len(refused)} of {count} files in {self.source.name} cannot be used, more than "
                f"{MOST_REFUSED:.0%}: {name_some(refused)}: remove or repair them"
            )
        parts = {
            part: {name: _without(names, refused) for name, names in classes.items()}
            for part, classes in self.parts.items()
        }
        return replace(self, parts=parts)


def split_of(name: str) -> str | None:
    """The split that a name means, in any case and spelling; None for other names."""
    plain = re.sub(r"[\W_]", "", name.lower())
    return WORDS.get(plain) or WORDS.get(plain.removesuffix("set"))


def may_be_split(name: str) -> bool:
    """Whether a name holds a word for a split beside others, or one that tools disagree on."""
    words = re.split(r"[\W\d_]+|(?<=[a-z])(?=[A-Z])", name)
    return any(word.lower() in UNCLEAR or split_of(word) is not None for word in words)


def arrange(found: Mapping[str, Picked], where: object) -> tuple[dict[str, Picked], str]:
    """Say which split each part is, by its name.

    Args:
        found: Classes of each part; ``split_of`` knows the parts' names.
        where: What messages name as the place.

    Returns:
        The parts as ``Listing`` has them, and the rule in words.

    Raises:
        ValueError: If ``train`` is missing, a split has two names, or classes differ.
    """
    names = named_splits(found, where)
    if "train" not in names:
        held = " and ".join(found) or "nothing"
        raise ValueError(f"{where} holds {held}, but no train: give pictures to train on")
    _check_classes(found, names["train"], where)
    parts = {split: found[name] for split, name in names.items()}
    train = names["train"]
    if len(names) == 1:
        return {"all": parts["train"]}, "one part only: every class is divided at random"
    if len(names) == 2:
        _, name = names.values()
        parts = {"train": found[train], "test": found[name]}
        rule = f"{train} and {name} only: {name} is the test split, "
        return parts, f"{rule}validation is carved from {train}"
    return parts, f"{train}, {names['validation']} and {names['test']} are taken as they are"


def by_split(found: Mapping[str, Picked], where: object) -> dict[str, Picked]:
    """The parts as they are, by the splits that their names mean."""
    return {split: found[name] for split, name in named_splits(found, where).items()}


def named_splits(names: Iterable[str], where: object) -> dict[str, str]:
    """The name of each split among names, in the order of ``SPLITS``.

    Raises:
        ValueError: If a split has two names.
    """
    known = [(split, name) for split in SPLITS for name in names if split_of(name) == split]
    splits = dict(known)
    if len(splits) < len(known):
        double = next(split for split in SPLITS if [s for s, _ in known].count(split) > 1)
        both = " and ".join(sorted(name for split, name in known if split == double))
        raise ValueError(f"{where} holds {both}: keep one of them")
    return splits


def picked(pairs: Iterable[tuple[str, str]]) -> Picked:
    """Gather names by class: classes sorted, names in the order given.

    Args:
        pairs: Name and class of each picture.
    """
    classes: dict[str, list[str]] = {}
    for name, label in pairs:
        classes.setdefault(label, []).append(name)
    return {label: tuple(classes[label]) for label in sorted(classes)}


def divide(classes: Picked, shares: tuple[float, ...], seed: int) -> tuple[Picked, ...]:
    """Set aside shares of every class at random.

    Args:
        classes: Pictures of each class.
        shares: Share of each class for each set, 0 to 1; above 0 gives at least one picture.
        seed: Decides the choice, together with how many pictures each class has.

    Returns:
        The sets in the order of their shares, then the rest; pictures keep their order.

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
    """Name the first few refused pictures with their reasons."""
    some = "; ".join(f"{name} {reason}" for name, reason in list(refused.items())[:NAMED])
    return some + (f"; and {len(refused) - NAMED} more" if len(refused) > NAMED else "")


def _check_classes(found: Mapping[str, Picked], train: str, where: object) -> None:
    expected = set(found[train])
    for name in found:
        other = set(found[name])
        for wrong, missing in ((other - expected, train), (expected - other, name)):
            if wrong:
                raise ValueError(
                    f"class {min(wrong)!r} is missing from {missing} in {where}: "
                    f"{train} and {name} must hold the same classes ({len(wrong)} differ)"
                )
    if len(expected) < 2:
        held = f"the single class {min(expected)!r}" if expected else "no class"
        raise ValueError(f"{where} holds {held}: give pictures of two or more classes")


def _without(names: tuple[str, ...], refused: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in refused)


def _check_counts(part: str, classes: Picked, others: str) -> None:
    least = {"all": 3, "train": 2}.get(part, 1)
    counts = {name: len(names) for name, names in classes.items() if len(names) < least}
    if not counts:
        return
    where = "" if part == "all" else f" in the {part} split"
    some = " and ".join(
        f"class {name!r} has {count} usable pictures"
        for name, count in sorted(counts.items(), key=lambda pair: pair[1])[:NAMED]
    )
    more = f" and {len(counts) - NAMED} more classes too few" if len(counts) > NAMED else ""
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
