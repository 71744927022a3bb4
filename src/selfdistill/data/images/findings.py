"""What a check found, in a line each: repeated pictures, near ones, and what a square cuts off."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..splitting import ByClass
from .listing import names_in

MAX_LOSS = 0.2
"""Share of a picture beyond which a crop to a square is spoken of."""
SIMILAR = 0.05
"""Relative difference of proportions that one size suits."""
MOST = 0.9
"""Share of pictures that "nearly all" are."""
SIDES = range(128, 321, 32)
"""Heights and widths that networks commonly take."""

Parts = Mapping[str, ByClass]


def describe_repeats(parts: Parts, splits: Parts, groups: Sequence[Sequence[str]]) -> str:
    """One line on groups of pictures that are the same; the example is of the most harmful kind."""
    if not groups:
        return ""
    count = sum(len(names) - 1 for names in groups)
    what = f"{count} pictures repeat another, to the pixel"
    counts, example = _crossing(parts, splits, groups)
    line = f"{what}{counts}: for example {example[0]} and {example[-1]}"
    return f"{line}; training keeps one split's" if "in two splits" in counts else line


def describe_alike(parts: Parts, splits: Parts, pairs: Sequence[Sequence[str]]) -> str:
    """One line on pairs of pictures that look alike."""
    if not pairs:
        return ""
    counts, example = _crossing(parts, splits, pairs)
    return (
        f"{len(pairs)} pairs of pictures look alike{counts}: for example {example[0]} and "
        f"{example[-1]}; of a series keep one, or put all into one split"
    )


def describe_proportions(sizes: Sequence[tuple[int, int]]) -> str:
    """One line on pictures, of these widths and heights, that lose much to a square crop."""
    ratios = np.array([width / height for width, height in sizes])
    cut = int((1 - np.minimum(ratios, 1 / ratios) > MAX_LOSS + 1e-9).sum())
    if not cut:
        return ""
    common = float(np.median(ratios))
    line = f"{cut} of {len(sizes)} pictures lose more than a fifth of their content where a square "
    line += "is cut out: --data.fit pad shows all of it, "
    if (np.abs(ratios / common - 1) <= SIMILAR).mean() >= MOST:
        height, width = _size_of(common)
        return f"{line}and so does --image-size {height}x{width}, which suits nearly all"
    return f"{line}and stretch, if their shapes may change"


def _size_of(ratio: float) -> tuple[int, int]:
    """A common height and width of these proportions, about as many pixels as 224 × 224."""
    sizes = [(height, width) for height in SIDES for width in SIDES]
    near = [(h, w) for h, w in sizes if abs(w / h / ratio - 1) <= SIMILAR]
    return min(
        near or sizes,
        key=lambda size: (
            abs(np.log(size[1] / size[0] / ratio)) + abs(np.log(size[0] * size[1] / 224**2)) / 10
        ),
    )


def _crossing(
    parts: Parts, splits: Parts, groups: Sequence[Sequence[str]]
) -> tuple[str, Sequence[str]]:
    """How many groups are in two classes and in two splits, and the most harmful group."""
    split_of = {name: split for split, part in splits.items() for name in names_in({split: part})}
    class_of = {
        name: label for part in parts.values() for label, names in part.items() for name in names
    }
    counts = ""
    examples: list[Sequence[str]] = []
    for where, of in (("in two classes", class_of), ("in two splits", split_of)):
        across = [names for names in groups if len({of.get(name) for name in names}) > 1]
        if across:
            counts += f", {len(across)} of them {where}"
        examples += across
    return counts, [*examples, *groups][0]
