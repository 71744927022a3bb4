"""Accuracies over the epochs, and every loss term's share."""

from collections.abc import Sequence

import numpy as np

from ..comparison import Comparison, Row
from ..predictions import Numbers
from . import Plot, Section, style


def section(comparison: Comparison) -> Section | None:
    """Learning curves; None where no summary holds any."""
    rows = comparison.rows
    plots: list[Plot] = []
    for split in ("train", "validation"):
        parts = style.chunks([row for row in rows if _curves(row, split)])
        for i, part in enumerate(parts):
            number = f"-{i}" if len(parts) > 1 else ""
            plots.append(_accuracy(part, split, f"learning-{split}{number}"))
    with_terms = [row for row in rows if len(row.runs[0].curve.terms) > 1]
    plots += [_terms(row, f"terms-{i}") for i, row in enumerate(with_terms[: style.MAX_ROWS])]
    if not plots:
        return None
    sentences: list[str] = []
    if any(len(row.runs) > 1 for row in rows):
        sentences.append("Thick lines are means over seeds, thin ones single seeds.")
    if with_terms:
        sentences.append(
            "The terms of a loss are weighted already: they add up to what is minimised."
        )
    if len(with_terms) > style.MAX_ROWS:
        sentences.append(
            f"They are shown for {style.MAX_ROWS} of {len(with_terms)} rows, the first."
        )
    paragraphs = (" ".join(sentences),) if sentences else ()
    return Section("learning", "Learning curves", paragraphs, plots=tuple(plots))


def _curves(row: Row, split: str) -> list[tuple[Numbers, Numbers]]:
    """Epochs and accuracies of each seed, where measured."""
    curves: list[tuple[Numbers, Numbers]] = []
    for run in row.runs:
        values = run.curve.accuracy.get(split)
        if values is not None and len(measured := np.flatnonzero(np.isfinite(values))):
            curves.append((run.curve.epoch[measured], values[measured]))
    return curves


def _accuracy(rows: Sequence[Row], split: str, name: str) -> Plot:
    subject = "training images, as augmented" if split == "train" else "validation images"
    figure, panel = style.epoch_axes(f"accuracy (%)\n{subject}")
    for row in rows:
        curves = _curves(row, split)
        style.hairlines(panel, curves, row.style)
        epochs = curves[0][0]
        same = [values for e, values in curves if np.array_equal(e, epochs)]
        style.curve(panel, epochs, np.mean(same, axis=0), row.style, row.label)
    style.legend(figure, panel)
    return Plot(name, f"Accuracy on the {subject}, by epoch.", figure)


def _terms(row: Row, name: str) -> Plot:
    curve = row.runs[0].curve
    seeds = [
        c
        for c in (run.curve for run in row.runs)
        if len(c.epoch) == len(curve.epoch) and c.terms.keys() == curve.terms.keys()
    ]
    sizes = np.array([np.mean([abs(c.terms[t]) for c in seeds], axis=0) for t in curve.terms])
    total = sizes.sum(axis=0)
    shares = 100 * np.divide(sizes, total, out=np.zeros_like(sizes), where=total > 0)
    figure, panel = style.epoch_axes("share of the loss (%)")
    bands = panel.stackplot(
        curve.epoch,
        shares,
        labels=[term.replace("_", " ") for term in curve.terms],
        colors=[style.SHADES[i % len(style.SHADES)] for i in range(len(shares))],
        edgecolor="white",
        linewidth=0.6,
    )
    for i, band in enumerate(bands):
        band.set_hatch(style.HATCHES[i % len(style.HATCHES)])
    panel.set_ylim(0, 100)
    panel.margins(x=0)
    panel.grid(visible=False)
    style.legend(figure, panel)
    seeds_text = f"mean of {len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    return Plot(
        name,
        f"{row.label}: share of each term in the loss, by epoch ({seeds_text}; the loss falls "
        f"from {total[0]:.3g} to {total[-1]:.3g}).",
        figure,
    )
