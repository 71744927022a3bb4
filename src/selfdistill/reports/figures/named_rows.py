"""Figures of named rows."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..predicted import Numbers
from . import style
from .names import fitted, height


def row_axes(
    names: Sequence[str], places: Numbers, *, step: float, width: int, lines: int, xlabel: str
) -> tuple[Figure, Axes]:
    """Start a figure with a named row at each place, from the top down.

    The label below ends at the right edge, as names of rows leave less room than its width.

    Args:
        names: Of the rows; all of them stay different.
        places: Of the rows, in steps, ascending.
        step: Least height of a row, inches.
        width: Letters that a line of a name may have.
        lines: Lines that a name may have.
        xlabel: What the rows show, with its unit.
    """
    shown = fitted(names, width, lines=lines)
    step = max(step, style.LINE * max(map(height, shown)) + 0.06)
    figure, panel = style.axes(height=0.75 + step * (places[-1] + 1), xlabel="")
    panel.set_yticks(places, shown)
    panel.set_ylim(places[-1] + 0.6, -0.6)
    panel.grid(axis="y", visible=False)
    panel.set_xlabel(xlabel, loc="right")
    return figure, panel
