"""Pictures through the eyes of a network's blocks: as a table, as data and as a figure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from ..consoles import console
from ..terminal import shown_name
from .figures import style
from .figures.leaning import heated
from .figures.names import fitted, height
from .verdicts import ABSENT

CELL = 1.25
"""Width of a cell of the figure, inches."""
LETTERS = 17
"""Of a name below a cell."""
MOST_ROWS = 50


@dataclass(frozen=True)
class Block:
    """What one block makes of a picture."""

    share: float | None
    """Its share of the attention, in [0, 1]; None where it has none."""
    heat: NDArray[np.uint8] | None
    """Where it looks, ``height × width``, 255 the most; None where that is not known."""
    opinion: tuple[str, float] | None
    """Its exit's most probable class, and how probable; None for a block without an exit."""


@dataclass(frozen=True)
class Viewed:
    """A picture, and what each block makes of it; the last block is the network itself."""

    name: str
    pixels: NDArray[np.uint8]
    """``height × width × 3``, as the network sees it."""
    blocks: tuple[Block, ...]


def blocks_table(views: Sequence[Viewed]) -> str:
    """A plain table: a line for each block of each picture; no shares where there are none."""
    with_shares = _with_shares(views)
    table = Table(box=None)
    for heading in ("image", "block", *(["share"] if with_shares else []), "class", "probability"):
        right = heading in ("share", "probability")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for view in views:
        for place, (name, block) in enumerate(_named(view)):
            share = [ABSENT if block.share is None else f"{block.share:.1%}"]
            label, probability = (ABSENT, ABSENT)
            if block.opinion is not None:
                label, probability = block.opinion[0], f"{block.opinion[1]:.1%}"
            first = "" if place else view.name
            cells = (first, name, *(share if with_shares else []), label, probability)
            # As a plain string a name in brackets would be read as markup.
            table.add_row(*(Text(shown_name(cell)) for cell in cells))
    shown = console(width=120, plain=True)
    with shown.capture() as captured:
        shown.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def blocks_json(views: Sequence[Viewed]) -> str:
    """The same as data."""
    content = [
        {
            "image": view.name,
            "blocks": [
                {
                    "block": name,
                    "share": block.share,
                    "class": block.opinion and block.opinion[0],
                    "probability": block.opinion and block.opinion[1],
                }
                for name, block in _named(view)
            ],
        }
        for view in views
    ]
    return json.dumps(content, indent=1, ensure_ascii=False)


def blocks_picture(views: Sequence[Viewed]) -> bytes:
    """A PNG: a row for each picture, with where each block looks, its share and its opinion.

    Raises:
        ValueError: If there are more pictures than a figure holds.
    """
    if len(views) > MOST_ROWS:
        raise ValueError(f"{len(views)} pictures are too many for one figure: {MOST_ROWS} at most")
    with style.house_style():
        files = fitted([PurePath(view.name).name for view in views], LETTERS, lines=2)
        classes = _class_names(views)
        columns = 1 + len(views[0].blocks)
        lines = max(2, *map(height, files), *(height(name) + 1 for name in classes.values()))
        row = CELL + 0.13 * (lines - 2) + (0.54 if _with_shares(views) else 0.36)
        figure = Figure(figsize=(CELL * columns, 0.3 + row * len(views)), layout="constrained")
        figure.set_facecolor("white")
        panels = figure.subplots(len(views), columns, squeeze=False)
        for cells, view, file in zip(panels, views, files, strict=True):
            _show(cells[0], view.pixels, file)
            for panel, block in zip(cells[1:], view.blocks, strict=True):
                _draw(panel, view.pixels, block, classes)
                panel.xaxis.labelpad = 13 if _with_shares(views) else 4
        for panel, title in zip(panels[0], ("image", *_names(views[0])), strict=True):
            panel.set_title(title, fontsize=9)
        return style.png(figure)


def _names(view: Viewed) -> list[str]:
    return [*(f"block {number}" for number in range(1, len(view.blocks))), "network"]


def _named(view: Viewed) -> list[tuple[str, Block]]:
    return list(zip(_names(view), view.blocks, strict=True))


def _with_shares(views: Sequence[Viewed]) -> bool:
    return any(block.share is not None for view in views for block in view.blocks)


def _class_names(views: Sequence[Viewed]) -> dict[str, str]:
    """The classes that a figure names, as they fit below a cell."""
    blocks = [block for view in views for block in view.blocks]
    named = list(dict.fromkeys(block.opinion[0] for block in blocks if block.opinion is not None))
    return dict(zip(named, fitted(named, LETTERS), strict=True))


def _show(panel: Axes, pixels: NDArray[np.uint8], words: str) -> None:
    smooth = "nearest" if max(pixels.shape) <= 96 else "antialiased"
    panel.imshow(pixels, interpolation=smooth)
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_xlabel(words, fontsize=8)
    panel.grid(visible=False)


def _draw(panel: Axes, pixels: NDArray[np.uint8], block: Block, classes: Mapping[str, str]) -> None:
    words = "no exit"
    if block.opinion is not None:
        words = f"{classes[block.opinion[0]]}\n{block.opinion[1]:.0%}"
    heat = np.zeros(pixels.shape[:2], np.uint8) if block.heat is None else block.heat
    _show(panel, heated(pixels, heat), words)
    if not heat.any():
        note = "no map" if block.heat is None else "nothing speaks\nfor the class"
        panel.text(0.5, 0.5, note, color="white", ha="center", va="center",
                   transform=panel.transAxes)  # fmt: skip
    if block.share is not None:
        bar = panel.inset_axes((0, -0.13, 0.7, 0.09))
        bar.barh(0, 1, color=style.FAINT)
        bar.barh(0, block.share, color=style.PALETTE[0])
        bar.set_xlim(0, 1)
        bar.axis("off")
        bar.text(1.06, 0, f"{block.share:.0%}", ha="left", va="center", fontsize=8)
