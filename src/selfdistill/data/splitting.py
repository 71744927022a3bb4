"""Random splits class by class: by counts, of official sets, and by shares, of the user's own."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from jaxtyping import Int64
from torch import Tensor

from .randomness import generator

Item = TypeVar("Item")


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
