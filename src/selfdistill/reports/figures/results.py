"""Accuracies of the runs, and differences to cross-entropy with their intervals."""

from collections.abc import Sequence

import numpy as np

from ..content import Picture, Section
from ..entries import Entry
from ..published import results_table
from . import style

ROW_HEIGHT = 0.27


def section(entries: Sequence[Entry], split: str) -> Section:
    """The results table and its pictures."""
    pictures = [_accuracies(entries, split)]
    compared = [entry for entry in entries if entry.line.difference is not None]
    if compared:
        pictures.append(_differences(compared))
    return Section(
        "results",
        "Results",
        tables=(results_table(entries, split),),
        pictures=tuple(pictures),
    )


def _accuracies(entries: Sequence[Entry], split: str) -> Picture:
    height = 0.8 + ROW_HEIGHT * len(entries)
    figure, panel = style.axes(height=height, xlabel=f"{split} accuracy (%)")
    for place, entry in enumerate(entries):
        color, marker, _ = style.look(entry.style)
        values = [run.summary.scores[split].accuracy for run in entry.runs]
        panel.scatter(values, np.full(len(values), place), s=26, marker=marker, facecolors="none",
                      edgecolors=color, linewidths=1.1)  # fmt: skip
        panel.plot([entry.line.accuracy.mean] * 2, [place - 0.3, place + 0.3], color=color, lw=2)
    _name_rows(panel, entries)
    return Picture(
        "accuracy",
        f"Accuracy on the {split} split after the last epoch: each seed, and the mean (bar).",
        figure,
    )


def _differences(entries: Sequence[Entry]) -> Picture:
    height = 0.8 + ROW_HEIGHT * len(entries)
    figure, panel = style.axes(height=height, xlabel="difference to cross-entropy (points)")
    panel.axvline(0, color=style.RULE, lw=1)
    for place, entry in enumerate(entries):
        assert entry.line.difference is not None
        mean, interval, _ = entry.line.difference
        color, marker, _ = style.look(entry.style)
        filled = color if entry.verdict in ("better", "worse") else "white"
        if interval is not None:
            panel.plot(interval, [place, place], color=color, lw=1.6)
        panel.plot([mean], [place], marker=marker, color=color, mfc=filled, ms=6, zorder=3)
    _name_rows(panel, entries)
    return Picture(
        "difference",
        "Difference to cross-entropy, with its 95 % interval where there are seeds enough; "
        "a filled mark has a verdict of better or worse, a hollow one has not.",
        figure,
    )


def _name_rows(panel: style.Axes, entries: Sequence[Entry]) -> None:
    names = [style.short(entry.label, 30) for entry in entries]
    style.name_rows(panel, np.arange(len(entries), dtype=np.float64), names)
    panel.margins(x=0.08)
