"""Accuracies over the epochs, and every loss term's share."""

from collections.abc import Sequence

import numpy as np

from ..content import Picture, Section
from ..entries import Entry
from ..predicted import Numbers
from . import style


def section(entries: Sequence[Entry]) -> Section | None:
    """Learning curves; None where no summary holds any."""
    pictures: list[Picture] = []
    for split in ("train", "validation"):
        shown = [e for e in entries if _curves(e, split)]
        parts = style.chunks(shown) if shown else []
        names = [f"learning-{split}{f'-{i}' if len(parts) > 1 else ''}" for i in range(len(parts))]
        pictures += [_accuracy(part, split, n) for part, n in zip(parts, names, strict=True)]
    parted = [e for e in entries if len(e.runs[0].curve.terms) > 1]
    pictures += [_terms(entry, f"terms-{i}") for i, entry in enumerate(parted[: style.MOST_ROWS])]
    if not pictures:
        return None
    lines = "Thick lines are means over seeds, thin ones single seeds."
    terms = "The terms of a loss are weighted already: they add up to what is minimised."
    several = any(len(entry.runs) > 1 for entry in entries)
    words = (*([lines] if several else []), *([terms] if parted else []))
    if len(parted) > style.MOST_ROWS:
        words = (*words, f"They are shown for {style.MOST_ROWS} of {len(parted)} rows, the first.")
    paragraphs = (" ".join(words),) if words else ()
    return Section("learning", "Learning curves", paragraphs, pictures=tuple(pictures))


def _curves(entry: Entry, split: str) -> list[tuple[Numbers, Numbers]]:
    """Epochs and accuracies of each seed, where measured."""
    found: list[tuple[Numbers, Numbers]] = []
    for run in entry.runs:
        values = run.curve.accuracy.get(split)
        if values is not None and len(measured := np.flatnonzero(np.isfinite(values))):
            found.append((run.curve.epoch[measured], values[measured]))
    return found


def _accuracy(entries: Sequence[Entry], split: str, name: str) -> Picture:
    subject = "training images, as augmented" if split == "train" else "validation images"
    figure, panel = style.epoch_axes(f"accuracy (%)\n{subject}")
    for entry in entries:
        curves = _curves(entry, split)
        style.hairlines(panel, curves, entry.style)
        epochs = curves[0][0]
        same = [values for e, values in curves if np.array_equal(e, epochs)]
        style.curve(panel, epochs, np.mean(same, axis=0), entry.style, entry.label)
    style.legend(figure, panel)
    return Picture(name, f"Accuracy on the {subject}, by epoch.", figure)


def _terms(entry: Entry, name: str) -> Picture:
    curve = entry.runs[0].curve
    seeds = [r.curve for r in entry.runs if len(r.curve.epoch) == len(curve.epoch)]
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
    return Picture(
        name,
        f"{entry.label}: share of each term in the loss, by epoch ({seeds_text}; the loss falls "
        f"from {total[0]:.3g} to {total[-1]:.3g}).",
        figure,
    )
