"""Pictures that look alike: pairs with nearly the same difference hash and brightness."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_DIFFERENCE = 3
"""Bits of 64 in which the hashes of two pictures that look alike differ, at most."""
MAX_CONTRAST = 10.0
"""Mean difference of their brightness, of 255, each taken from its own mean."""
MIN_EDGES = 8
"""Bits of either kind, below which a hash tells of a picture without features."""

Sketch = NDArray[np.uint8]


def sketch(picture: Image.Image) -> Sketch:
    """The brightness of a picture in 8 rows of 9 columns."""
    return np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX))


def near_pairs(sketches: Sequence[Sketch]) -> list[tuple[int, int]]:
    """Positions of pictures that look alike, two by two; those without features are like nothing.

    A bit of a difference hash says whether a cell is brighter than the one on its right.
    """
    cells = np.array(sketches).reshape(-1, 8, 9).astype(np.int16)
    bits = cells[:, :, :-1] > cells[:, :, 1:]
    edges = bits.sum((1, 2))
    featured = ((edges >= MIN_EDGES) & (edges <= 64 - MIN_EDGES)).nonzero()[0]
    cells, bits = cells[featured], bits[featured]
    contrast = cells - cells.mean((1, 2), keepdims=True)
    hashes = np.packbits(bits.reshape(-1, 64), axis=1).view(np.uint64)[:, 0]
    found: set[tuple[int, int]] = set()
    parts = MAX_DIFFERENCE + 1
    for number in range(parts):
        # Of more parts than bits differ, one is the same: only such pictures are compared. Each
        # part has columns from the left and the right, as edges of pictures are often plain.
        columns = bits[:, :, number::parts].reshape(-1, 64 // parts)
        part = np.packbits(columns, axis=1).view(np.uint16)[:, 0]
        order = part.argsort(kind="stable")
        part = part[order]
        starts = np.arange(len(order))
        for step in range(1, len(order)):
            starts = starts[: np.searchsorted(starts, len(order) - step)]
            starts = starts[part[starts] == part[starts + step]]
            if not len(starts):
                break
            one, other = order[starts], order[starts + step]
            differing = (hashes[one] ^ hashes[other])[:, None].view(np.uint8)
            near = np.unpackbits(differing, axis=1).sum(1) <= MAX_DIFFERENCE
            one, other = one[near], other[near]
            alike = np.abs(contrast[one] - contrast[other]).mean((1, 2)) <= MAX_CONTRAST
            pairs = np.sort(featured[np.stack((one[alike], other[alike]), 1)], axis=1)
            found |= set(map(tuple, pairs.tolist()))
    return sorted(found)
