"""Which splits names stand for: of folders, of a table's column, of a data set's parts."""

import re
from collections.abc import Iterable, Mapping

from ...runs import SPLITS
from .listing import ByClass

WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What names a split, in any case; ``_set`` may follow, as in ``Test_set`` and ``trainset``."""
AMBIGUOUS = ("eval", "evaluation")
"""Validation to some tools, test to others."""


def split_of(name: str) -> str | None:
    """The split that a name means, in any case and spelling; None for other names."""
    plain = re.sub(r"[\W_]", "", name.lower())
    return WORDS.get(plain) or WORDS.get(plain.removesuffix("set"))


def may_be_split(name: str) -> bool:
    """Whether a name holds a word for a split beside others, or one that tools disagree on."""
    words = re.split(r"[\W\d_]+|(?<=[a-z])(?=[A-Z])", name)
    return any(word.lower() in AMBIGUOUS or split_of(word) is not None for word in words)


def named_splits(names: Iterable[str], where: object) -> dict[str, str]:
    """The name of each split among names, in the order of ``SPLITS``; two of one are refused."""
    known = [(split, name) for split in SPLITS for name in names if split_of(name) == split]
    splits = dict(known)
    if len(splits) < len(known):
        double = next(split for split in SPLITS if [s for s, _ in known].count(split) > 1)
        both = " and ".join(sorted(name for split, name in known if split == double))
        raise ValueError(f"{where} holds {both}: keep one of them")
    return splits


def assign_splits(
    parts: Mapping[str, ByClass], where: object, *, for_training: bool = True
) -> tuple[dict[str, ByClass], str]:
    """Say which split each part is by its name, and the rule in words.

    One part alone is ``all``, to be divided; of ``train`` and one more, that one is the test split.
    To look at images, parts stay as they are named. For training, ``train`` must be there and all
    parts must hold the same classes; ``where`` is what messages call the place.
    """
    names = named_splits(parts, where)
    by_split = {split: parts[name] for split, name in names.items()}
    if not for_training:
        return by_split, ""
    if "train" not in names:
        held = " and ".join(parts) or "nothing"
        raise ValueError(f"{where} holds {held}, but no train: give pictures to train on")
    train = names["train"]
    _check_classes(parts, train, where)
    # The rule is part of the cache's key: another wording decodes all images again.
    if len(names) == 1:
        return {"all": parts[train]}, "one part only: every class is divided at random"
    if len(names) == 2:
        _, other = names.values()
        rule = f"{train} and {other} only: {other} is the test split, "
        return (
            {"train": parts[train], "test": parts[other]},
            f"{rule}validation is carved from {train}",
        )
    return by_split, f"{train}, {names['validation']} and {names['test']} are taken as they are"


def _check_classes(parts: Mapping[str, ByClass], train: str, where: object) -> None:
    expected = set(parts[train])
    for name in parts:
        other = set(parts[name])
        for wrong, missing in ((other - expected, train), (expected - other, name)):
            if wrong:
                raise ValueError(
                    f"class {min(wrong)!r} is missing from {missing} in {where}: "
                    f"{train} and {name} must hold the same classes ({len(wrong)} differ)"
                )
    if len(expected) < 2:
        held = f"the single class {min(expected)!r}" if expected else "no class"
        raise ValueError(f"{where} holds {held}: give pictures of two or more classes")
