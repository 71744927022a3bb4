"""How well each class is told from the others, and which are taken for which."""

import numpy as np

from ..examined import ExaminedRun, share_interval
from ..sections import Plot, Section, TextTable, style

MAX_IN_TABLE = 40
WEAKEST = 20
"""Classes that the table has, where there are more than it could hold."""
MAX_IN_MATRIX = 20
PAIRS = 15
CELL = 0.27
"""Inches."""


def section(examined: ExaminedRun) -> Section:
    """Precision, recall and F1 of each class; the confusion matrix, or its worst pairs."""
    paragraphs = (
        "Precision: of the images that are said to be of a class, how many are. Recall: of the "
        "class's images, how many are found, and in brackets what the choice of so few images "
        "leaves open (95 %). F1 is low where either is.",
    )
    tables = [_scores(examined)]
    plots: list[Plot] = []
    if examined.mistakes.size and len(examined.class_names) <= MAX_IN_MATRIX:
        plots.append(_matrix(examined))
    elif examined.mistakes.size:
        tables.append(_worst_pairs(examined))
    return Section("classes", "Classes", paragraphs, tuple(tables), tuple(plots))


def _scores(examined: ExaminedRun) -> TextTable:
    everything = list(examined.by_class.items())
    chosen = everything if len(everything) <= MAX_IN_TABLE else everything[:WEAKEST]
    rows: list[tuple[str, ...]] = []
    for k, of in chosen:
        low, high = share_interval(int(examined.counts[k, k]), of.images)
        taken = examined.counts[k].copy()
        taken[k] = 0
        most = f"{examined.names[int(taken.argmax())]} ({taken.max()})" if taken.any() else "–"
        scores = f"{of.f1:.1f}", f"{of.recall:.1f} [{low:.0f}, {high:.0f}]", f"{of.precision:.1f}"
        rows.append((examined.names[k], f"{of.images:,}", *scores, most))
    part = "" if len(chosen) == len(everything) else f"; the {WEAKEST} weakest of {len(everything)}"
    return TextTable(
        f"Scores of each class on the {examined.split} split, percent, the weakest first{part}.",
        ("class", "images", "F1", "recall", "precision", "most often taken for"),
        tuple(rows),
        words=frozenset({0, 5}),
    )


def _worst_pairs(examined: ExaminedRun) -> TextTable:
    wrong = examined.counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    pairs = [divmod(int(flat), len(wrong)) for flat in order if wrong.flat[flat]]
    sizes = examined.counts.sum(axis=1)
    return TextTable(
        f"The pairs of classes that are confused most often on the {examined.split} split.",
        ("class", "taken for", "images", "of the class, %"),
        tuple(
            (
                examined.names[i],
                examined.names[k],
                f"{wrong[i, k]}",
                f"{100 * wrong[i, k] / sizes[i]:.1f}",
            )
            for i, k in pairs
        ),
        words=frozenset({0, 1}),
    )


def _matrix(examined: ExaminedRun) -> Plot:
    counts = examined.counts
    number = len(counts)
    with np.errstate(invalid="ignore"):
        shares = np.nan_to_num(counts / counts.sum(axis=1, keepdims=True))
    own = style.fit_names(examined.names, 18)
    step = max(CELL, 0.4 if number <= 8 else 0)
    figure, panel = style.axes(
        height=1.3 + step * number, xlabel="said to be", ylabel="filed under"
    )
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
    small = 8.5 if number <= 12 else 6.5
    for (i, k), count in np.ndenumerate(counts):
        if count:
            weight = "bold" if i == k else "normal"
            panel.text(k, i, f"{count}", ha="center", va="center", fontsize=small, weight=weight)
    style.name_columns(panel, style.fit_names(examined.names, 14), 42)
    panel.set_yticks(range(number), own)
    panel.grid(visible=False)
    return Plot(
        "confusion",
        f"Confusion matrix of the {examined.split} split: images of the class of a row that are "
        "said to be of the class of a column; dark is a large share of the row.",
        figure,
    )
