"""Accuracies of the runs, and differences to cross-entropy with their intervals."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..comparison import Comparison, Row
from ..table import results_table
from . import Plot, Section, style


def section(comparison: Comparison) -> Section:
    """The results table and its plots."""
    plots = [_accuracies(comparison)]
    if any(row.difference is not None for row in comparison.rows):
        plots.append(_differences(comparison))
    return Section(
        "results",
        "Results",
        tables=(results_table(comparison),),
        plots=tuple(plots),
    )


def _accuracies(comparison: Comparison) -> Plot:
    rows, split = comparison.rows, comparison.split
    figure, panel = _row_axes(rows, f"{split} accuracy (%)")
    for place, row in enumerate(rows):
        color, marker, _ = style.row_style(row.style)
        panel.scatter(row.accuracies, np.full(len(row.runs), place), s=26, marker=marker,
                      facecolors="none", edgecolors=color, linewidths=1.1)  # fmt: skip
        if len(row.runs) > 1:
            panel.vlines(row.accuracy.mean, place - 0.38, place + 0.38, color=color, lw=2)
    return Plot(
        "accuracy",
        f"Accuracy on the {split} split after the last epoch: each seed, and the mean of "
        "several (bar).",
        figure,
    )


def _differences(comparison: Comparison) -> Plot:
    compared = [row for row in comparison.rows if row.difference is not None]
    control = comparison.control_name
    xlabel = style.fit_names([f"difference to {control} (points)"], 46, lines=2)[0]
    figure, panel = _row_axes(compared, xlabel)
    panel.axvline(0, color=style.RULE, lw=1)
    for place, row in enumerate(compared):
        assert row.difference is not None
        mean, interval, _ = row.difference
        color, marker, _ = style.row_style(row.style)
        filled = color if row.verdict in ("better", "worse") else "white"
        if interval is not None:
            panel.plot(interval, [place, place], color=color, lw=1.6)
        panel.plot([mean], [place], marker=marker, color=color, mfc=filled, ms=6, zorder=3)
    return Plot(
        "difference",
        f"Difference to {control}, with its 95 % interval where there are seeds enough; "
        "a filled mark has a verdict of better or worse, a hollow one has not.",
        figure,
    )


def _row_axes(rows: Sequence[Row], xlabel: str) -> tuple[Figure, Axes]:
    labels, places = [row.label for row in rows], np.arange(len(rows), dtype=np.float64)
    figure, panel = style.row_axes(labels, places, step=0.27, width=26, lines=4, xlabel=xlabel)
    panel.margins(x=0.08)
    return figure, panel
