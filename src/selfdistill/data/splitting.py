"""Division into splits: by the names of folders and columns, or at random, class by class."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import torch
from jaxtyping import Int64
from torch import Tensor

from ..runs import SPLITS
from .image_set import ImageSet, Splits, channel_statistics
from .randomness import generator

Item = TypeVar("Item")
ByClass = dict[str, tuple[str, ...]]
"""Names of the images of each class; the classes are sorted."""

SHARES = (0.15, 0.15)
"""Of every class, for test and validation: as of a folder of images."""
WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What names a split, in any case; ``_set`` may follow, as in ``Test_set`` and ``trainset``."""
AMBIGUOUS = ("eval", "evaluation")
"""Validation to some tools, test to others."""


def stratified(
    labels: Int64[Tensor, " n"], per_class: int, seed: int
) -> tuple[Int64[Tensor, " chosen"], Int64[Tensor, " rest"]]:
    """Choose as many images of every class at random.

    Args:
        labels: Class of each image, from 0.
        per_class: Images to choose from each class; at least 0.
        seed: Decides the choice, together with the labels.

    Returns:
        Positions of the chosen images and of the rest, each ascending.

    Raises:
        ValueError: If a class has too few images.
    """
    if per_class < 0:
        raise ValueError(f"{per_class} images a class cannot be chosen: ask for 0 or more")
    counts = labels.bincount()
    short = (counts < per_class).nonzero()
    if len(short):
        name = int(short[0, 0])
        raise ValueError(
            f"class {name} has {int(counts[name])} images left, {per_class} were asked for: "
            "ask for fewer images a class"
        )
    order = torch.randperm(len(labels), generator=generator(seed, "split"))
    grouped = order[labels[order].argsort(stable=True)]
    firsts = counts.cumsum(0) - counts
    chosen = torch.arange(len(labels)) - firsts.repeat_interleave(counts) < per_class
    return grouped[chosen].sort().values, grouped[~chosen].sort().values


def split_by_class(
    classes: Mapping[str, Sequence[Item]], shares: Sequence[float], seed: int
) -> list[dict[str, tuple[Item, ...]]]:
    """Set aside shares of every class at random: a set for each share, then the rest.

    The seed decides together with how many images each class has, and its name. A share above 0
    gives at least one image; images keep their order. A class of which nothing is left is a
    ValueError.
    """
    sets: list[dict[str, tuple[Item, ...]]] = [{} for _ in range(len(shares) + 1)]
    for label, items in classes.items():
        order = torch.randperm(len(items), generator=generator(seed, "split", label)).tolist()
        counts = [max(1, round(share * len(items))) if share else 0 for share in shares]
        if sum(counts) >= len(items):
            raise ValueError(
                f"class {label!r} has {len(items)} pictures, {sum(counts)} of them to be set "
                f"aside: give it {sum(counts) + 1} or more"
            )
        start = 0
        for part, count in zip(sets, (*counts, len(items) - sum(counts)), strict=True):
            part[label] = tuple(items[i] for i in sorted(order[start : start + count]))
            start += count
    return sets


def split_in_memory(images: ImageSet, *, split_seed: int = 0) -> Splits:
    """Divide images at random, class by class: 70 % for training, 15 % each held out.

    A class of fewer than three images is a ValueError.
    """
    classes = {
        name: (images.labels == label).nonzero()[:, 0].tolist()
        for label, name in enumerate(images.classes)
    }
    test, validation, train = (
        images.subset(torch.tensor(sorted(i for chosen in part.values() for i in chosen)))
        for part in split_by_class(classes, SHARES, split_seed)
    )
    mean, std = channel_statistics(train.images)
    return Splits(train, validation, test, mean, std, note="images of Python: divided at random")


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
