"""Which classes gain and which lose, and what they are mistaken for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..comparison import MAIN_METHOD, Comparison, Row
from ..predictions import Numbers
from ..text import signed
from . import Plot, Section, style

EXTREMES = 10
"""Classes that a plot names at either end."""
IMPROVED = 6
CONFUSED = 6


@dataclass(frozen=True)
class Band:
    """Difference between two rows in a class that is expected from seed noise alone."""

    widths: Numbers
    """Half-width for each class, points: exceeded one time in twenty; NaN without images."""
    seeds: tuple[int, int]
    """Number of runs of the row, and of cross-entropy."""
    measured: bool
    """Whether the spread over seeds was measured; not if both rows have one run."""

    def words(self, gains: Numbers) -> str:
        """A sentence on what the band means and how many classes leave it."""
        if not self.measured:
            return (
                f"Shaded: {self._span()}. Were both networks equally good in every class "
                "and each answer independent of the others, one class in twenty would leave its "
                "band; how far seeds differ, usually less, two single runs do not tell."
            )
        outside = int((abs(gains) > self.widths).sum())
        own, other = self.seeds
        return (
            f"Shaded: {self._span()}. Were both equally good in every class, one class in twenty "
            f"would leave its band by the chance of training (means of {own} and {other} seeds, as "
            f"far as seeds are seen to differ); {outside} of {int(np.isfinite(gains).sum())} do."
        )

    def _span(self) -> str:
        least, most = (f"±{edge(self.widths):.1f}" for edge in (np.nanmin, np.nanmax))
        return f"{least} points" if least == most else f"{least} to {most} points, by class"


@dataclass(frozen=True)
class Pair:
    """A row and its cross-entropy row, by class."""

    row: Row
    gain: Numbers
    """Points, by class; NaN for a class without images."""
    moved: Numbers
    """Change of the confusion matrix, points, ``true × predicted``."""
    band: Band
    images: NDArray[np.int64]
    """Of each class."""
    names: tuple[str, ...]


def section(comparison: Comparison) -> Section | None:
    """Rows against their cross-entropy row; None where predictions of either are missing."""
    ordered = sorted(comparison.rows, key=lambda row: row.method != MAIN_METHOD)
    pairs = [pair for row in ordered if (pair := _pair(row)) is not None]
    if not pairs:
        return None
    plots: list[Plot] = []
    for i, pair in enumerate(pairs[: style.MAX_ROWS]):
        plots.append(_gains(pair, f"classes-{i}"))
        if np.nanmax(pair.gain) > 0:
            plots.append(_confusion(pair, f"confusion-{i}"))
    paragraphs = (
        "Behind the name of a class stands how many test images it has, the same for all runs; its "
        "shaded band is as wide as so few make it. The bands are about the chance of training; "
        "from one choice of images to another, differences vary more.",
        *style.left_out([pair.row for pair in pairs]),
    )
    return Section("classes", "Classes", paragraphs, plots=tuple(plots))


def _pair(row: Row) -> Pair | None:
    own, other = row.predictions, row.cross_entropy.predictions if row.cross_entropy else []
    if not own or not other:
        return None
    accuracy, reference = (
        np.stack([one.class_accuracy() for one in runs]) for runs in (own, other)
    )
    confusions = [np.mean([one.confusion() for one in runs], axis=0) for runs in (own, other)]
    return Pair(
        row=row,
        gain=accuracy.mean(axis=0) - reference.mean(axis=0),
        moved=confusions[0] - confusions[1],
        band=chance(accuracy, reference, own[0].class_sizes),
        images=own[0].class_sizes,
        names=row.class_names,
    )


def _gains(pair: Pair, name: str) -> Plot:
    known = np.flatnonzero(np.isfinite(pair.gain))
    order = known[np.argsort(pair.gain[known], kind="stable")[::-1]]
    everything = len(order) <= 2 * EXTREMES
    ends = order if everything else np.r_[order[:EXTREMES], order[-EXTREMES:]]
    gains, places = pair.gain[ends], np.arange(len(ends), dtype=np.float64)
    if not everything:
        places[EXTREMES:] += 0.8
    figure, panel = style.row_axes(
        [f"{pair.names[k]} ({pair.images[k]:,})" for k in ends],
        places, step=0.2, width=24, lines=1,
        xlabel="class accuracy, difference to cross-entropy (points)",
    )  # fmt: skip
    band = pair.band.widths[ends]
    panel.barh(places, 2 * band, left=-band, height=1, color=style.FAINT, alpha=0.6, lw=0)
    panel.axvline(0, color=style.RULE, lw=1)
    color, marker, _ = style.row_style(pair.row.style)
    panel.hlines(places, 0, gains, color=color, lw=1.4)
    panel.plot(gains, places, marker=marker, color=color, linestyle="none")
    everyone = pair.gain[known]
    up, down = int((everyone > 0).sum()), int((everyone < 0).sum())
    part = "" if everything else f"; the {EXTREMES} at either end are named"
    caption = (
        f"{pair.row.label}: {up} of {len(known)} classes gain, {down} lose, "
        f"{len(known) - up - down} stay (means over seeds{part}). {pair.band.words(pair.gain)}"
    )
    return Plot(name, caption, figure)


def _confusion(pair: Pair, name: str) -> Plot:
    order = np.argsort(np.nan_to_num(pair.gain, nan=-np.inf), kind="stable")[::-1]
    rows = order[: min(IMPROVED, int((pair.gain > 0).sum()))]
    weight = np.abs(np.nan_to_num(pair.moved[rows]))
    weight[np.arange(len(rows)), rows] = 0
    most = weight.max(axis=0)
    columns = np.argsort(most, kind="stable")[::-1][: min(CONFUSED, int((most > 0).sum()))]
    values = pair.moved[np.ix_(rows, columns)]
    values[rows[:, None] == columns] = np.nan
    own = style.fit_names([pair.names[k] for k in rows], 16)
    step = max(0.3, style.LINE * max(map(style.line_count, own)) + 0.06)
    figure, panel = style.axes(
        height=1.6 + step * len(rows), xlabel="taken for", ylabel="true class"
    )
    limit = max(1.0, float(np.nanmax(np.abs(values), initial=0)))
    panel.imshow(values, cmap="RdBu_r", vmin=-limit * 2, vmax=limit * 2, aspect="auto")
    for (i, k), value in np.ndenumerate(values):
        if np.isfinite(value):
            text = signed(value, 1) if abs(value) >= 0.05 else "0"
            panel.text(k, i, text, ha="center", va="center", fontsize=8.5)
    style.name_columns(panel, style.fit_names([pair.names[k] for k in columns], 14), 42)
    panel.set_yticks(range(len(rows)), own)
    panel.grid(visible=False)
    return Plot(
        name,
        f"{pair.row.label}: the classes that gain most, and how many more (+) or fewer (−) of "
        "a class's images are taken for another class than with cross-entropy (points).",
        figure,
    )


def chance(own: Numbers, other: Numbers, images: NDArray[np.int64]) -> Band:
    r"""Per-class difference of two equally good rows expected from seed noise.

    .. math:: t_{0.975}\, \frac{s}{\sqrt{n_k}} \sqrt{1/m + 1/c}

    for a class of :math:`n_k` images, with the standard deviation :math:`s` of an answer over the
    seeds of a row, pooled over classes and both rows, of :math:`m` and :math:`c` runs. All runs see
    the same images, so that their choice adds nothing. Where each row has one run, :math:`s` is
    that of independent answers, which is more, as networks agree about which images are hard.

    Accuracies are in percent, ``runs × classes``, and NaN for a class without images.
    """
    seeds = len(own), len(other)
    freedom = int((images > 0).sum()) * (sum(seeds) - 2)
    if freedom:
        squares = sum(
            float(np.nansum(images * (row - row.mean(axis=0)) ** 2)) for row in (own, other)
        )
        deviation = float(stats.t.ppf(0.975, freedom)) * np.sqrt(squares / freedom)
    else:
        share = float(np.nansum(images * (own + other)) / images.sum()) / 200
        deviation = float(stats.norm.ppf(0.975)) * 100 * np.sqrt(share * (1 - share))
    counts = np.where(images > 0, images, np.nan)
    widths = deviation / np.sqrt(counts) * np.sqrt(1 / seeds[0] + 1 / seeds[1])
    return Band(widths, seeds, measured=freedom > 0)
