"""Which classes gain and which lose, and what they are mistaken for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..content import Picture, Section
from ..entries import Entry
from ..lines import HEADLINE
from ..predicted import Numbers, Predicted, class_accuracy, confusion
from ..verdicts import signed
from . import style
from .chance import Band, chance
from .named_rows import row_axes
from .names import fitted, height

EXTREMES = 10
"""Classes that a picture names at either end."""
IMPROVED = 6
CONFUSED = 6


@dataclass(frozen=True)
class Pair:
    """A row and its cross-entropy row, by class."""

    entry: Entry
    gain: Numbers
    """Points, by class; NaN for a class without images."""
    moved: Numbers
    """Change of the confusion matrix, points, ``true × predicted``."""
    band: Band
    images: NDArray[np.int64]
    """Of each class."""
    names: tuple[str, ...]


def section(entries: Sequence[Entry]) -> Section | None:
    """Rows against their cross-entropy row; None where predictions of either are missing."""
    ordered = sorted(entries, key=lambda entry: entry.method != HEADLINE)
    found = [pair for entry in ordered if (pair := _pair(entry)) is not None]
    if not found:
        return None
    pictures: list[Picture] = []
    for i, pair in enumerate(found[: style.MOST_ROWS]):
        pictures.append(_gains(pair, f"classes-{i}"))
        if np.nanmax(pair.gain) > 0:
            pictures.append(_confusion(pair, f"confusion-{i}"))
    words = (
        "Behind the name of a class stands how many test images it has, the same for all runs; its "
        "shaded band is as wide as so few make it. The bands are about the chance of training; "
        "from one choice of images to another, differences vary more.",
        *style.left_out([pair.entry for pair in found]),
    )
    return Section("classes", "Classes", words, pictures=tuple(pictures))


def _pair(entry: Entry) -> Pair | None:
    if entry.control is None:
        return None
    own, other = _predictions(entry), _predictions(entry.control)
    if not own or not other:
        return None
    images = np.bincount(own[0].labels, minlength=own[0].num_classes)
    return Pair(
        entry=entry,
        gain=_mean(own, class_accuracy) - _mean(other, class_accuracy),
        moved=_mean(own, confusion) - _mean(other, confusion),
        band=chance(_by_run(own), _by_run(other), images),
        images=images,
        names=class_names(entry),
    )


def class_names(entry: Entry) -> tuple[str, ...]:
    """Names of the classes; their numbers where no run tells."""
    count = max((p.num_classes for p in _predictions(entry)), default=0)
    known = [run.classes for run in entry.runs if len(run.classes) == count]
    return known[0] if known else tuple(f"class {k}" for k in range(count))


def _predictions(entry: Entry) -> list[Predicted]:
    return [run.predicted for run in entry.runs if run.predicted is not None]


def _mean(runs: Sequence[Predicted], table: Callable[[Predicted], Numbers]) -> Numbers:
    return np.mean([table(run) for run in runs], axis=0)


def _by_run(runs: Sequence[Predicted]) -> Numbers:
    return np.stack([class_accuracy(run) for run in runs])


def _gains(pair: Pair, name: str) -> Picture:
    known = np.flatnonzero(np.isfinite(pair.gain))
    order = known[np.argsort(pair.gain[known], kind="stable")[::-1]]
    everything = len(order) <= 2 * EXTREMES
    ends = order if everything else np.r_[order[:EXTREMES], order[-EXTREMES:]]
    gains, places = pair.gain[ends], np.arange(len(ends), dtype=np.float64)
    if not everything:
        places[EXTREMES:] += 0.8
    figure, panel = row_axes(
        [f"{pair.names[k]} ({pair.images[k]:,})" for k in ends],
        places, step=0.2, width=24, lines=1,
        xlabel="class accuracy, difference to cross-entropy (points)",
    )  # fmt: skip
    band = pair.band.widths[ends]
    panel.barh(places, 2 * band, left=-band, height=1, color=style.FAINT, alpha=0.6, lw=0)
    panel.axvline(0, color=style.RULE, lw=1)
    color, marker, _ = style.look(pair.entry.style)
    panel.hlines(places, 0, gains, color=color, lw=1.4)
    panel.plot(gains, places, marker=marker, color=color, linestyle="none")
    everyone = pair.gain[known]
    up, down = int((everyone > 0).sum()), int((everyone < 0).sum())
    part = "" if everything else f"; the {EXTREMES} at either end are named"
    caption = (
        f"{pair.entry.label}: {up} of {len(known)} classes gain, {down} lose, "
        f"{len(known) - up - down} stay (means over seeds{part}). {pair.band.words(pair.gain)}"
    )
    return Picture(name, caption, figure)


def _confusion(pair: Pair, name: str) -> Picture:
    order = np.argsort(np.nan_to_num(pair.gain, nan=-np.inf), kind="stable")[::-1]
    rows = order[: min(IMPROVED, int((pair.gain > 0).sum()))]
    weight = np.abs(np.nan_to_num(pair.moved[rows]))
    weight[np.arange(len(rows)), rows] = 0
    most = weight.max(axis=0)
    columns = np.argsort(most, kind="stable")[::-1][: min(CONFUSED, int((most > 0).sum()))]
    values = pair.moved[np.ix_(rows, columns)]
    values[rows[:, None] == columns] = np.nan
    own = fitted([pair.names[k] for k in rows], 16)
    step = max(0.3, style.LINE * max(map(height, own)) + 0.06)
    figure, panel = style.axes(
        height=1.6 + step * len(rows), xlabel="taken for", ylabel="true class"
    )
    limit = max(1.0, float(np.nanmax(np.abs(values), initial=0)))
    panel.imshow(values, cmap="RdBu_r", vmin=-limit * 2, vmax=limit * 2, aspect="auto")
    for (i, k), value in np.ndenumerate(values):
        if np.isfinite(value):
            text = signed(value, 1) if abs(value) >= 0.05 else "0"
            panel.text(k, i, text, ha="center", va="center", fontsize=8.5)
    style.name_columns(panel, fitted([pair.names[k] for k in columns], 14), 42)
    panel.set_yticks(range(len(rows)), own)
    panel.grid(visible=False)
    return Picture(
        name,
        f"{pair.entry.label}: the classes that gain most, and how many more (+) or fewer (−) of "
        "a class's images are taken for another class than with cross-entropy (points).",
        figure,
    )
