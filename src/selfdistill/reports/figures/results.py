"""Accuracies of the runs, and differences to cross-entropy with their intervals."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..content import Picture, Section
from ..entries import Entry
from ..lines import control_name
from ..published import results_table
from . import style
from .named_rows import row_axes
from .names import fitted


def section(entries: Sequence[Entry], split: str) -> Section:
    """The results table and its pictures."""
    pictures = [_accuracies(entries, split)]
    if any(entry.line.difference is not None for entry in entries):
        pictures.append(_differences(entries))
    return Section(
        "results",
        "Results",
        tables=(results_table(entries, split),),
        pictures=tuple(pictures),
    )


def _accuracies(entries: Sequence[Entry], split: str) -> Picture:
    figure, panel = _rows(entries, f"{split} accuracy (%)")
    for place, entry in enumerate(entries):
        color, marker, _ = style.look(entry.style)
        values = [run.summary.scores[split].accuracy for run in entry.runs]
        panel.scatter(values, np.full(len(values), place), s=26, marker=marker, facecolors="none",
                      edgecolors=color, linewidths=1.1)  # fmt: skip
        if len(values) > 1:
            panel.vlines(entry.line.accuracy.mean, place - 0.38, place + 0.38, color=color, lw=2)
    return Picture(
        "accuracy",
        f"Accuracy on the {split} split after the last epoch: each seed, and the mean of "
        "several (bar).",
        figure,
    )


def _differences(entries: Sequence[Entry]) -> Picture:
    compared = [entry for entry in entries if entry.line.difference is not None]
    other = control_name([entry.line for entry in entries])
    xlabel = fitted([f"difference to {other} (points)"], 46, lines=2)[0]
    figure, panel = _rows(compared, xlabel)
    panel.axvline(0, color=style.RULE, lw=1)
    for place, entry in enumerate(compared):
        assert entry.line.difference is not None
        mean, interval, _ = entry.line.difference
        color, marker, _ = style.look(entry.style)
        filled = color if entry.verdict in ("better", "worse") else "white"
        if interval is not None:
            panel.plot(interval, [place, place], color=color, lw=1.6)
        panel.plot([mean], [place], marker=marker, color=color, mfc=filled, ms=6, zorder=3)
    return Picture(
        "difference",
        f"Difference to {other}, with its 95 % interval where there are seeds enough; "
        "a filled mark has a verdict of better or worse, a hollow one has not.",
        figure,
    )


def _rows(entries: Sequence[Entry], xlabel: str) -> tuple[Figure, Axes]:
    names, places = [entry.label for entry in entries], np.arange(len(entries), dtype=np.float64)
    figure, panel = row_axes(names, places, step=0.27, width=26, lines=4, xlabel=xlabel)
    panel.margins(x=0.08)
    return figure, panel
