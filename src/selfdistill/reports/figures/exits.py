"""Accuracy of every exit, and of what fuses them."""

from collections.abc import Mapping, Sequence
from operator import itemgetter

import numpy as np

from ..comparison import Comparison
from ..content import Plot, Section, Table
from ..row import Row
from ..statistics import spread
from ..text import ABSENT, plus_minus
from . import style
from .cost import count


def section(comparison: Comparison) -> Section | None:
    """Accuracy by exit; None where no method has more than its network."""
    split = comparison.split
    rows = [row for row in comparison.rows if len(_names(row)) > 1]
    if not rows:
        return None
    order = _order(rows)
    with_cost = [row for row in rows if _costs(row)]
    plots = [
        _by_exit(part, split, order, f"exits-{i}") for i, part in enumerate(style.chunks(rows))
    ]
    if with_cost:
        parts = enumerate(style.chunks(with_cost))
        plots += [_by_cost(part, split, f"exits-macs-{i}") for i, part in parts]
    paragraphs = () if with_cost else ("The summaries do not hold the operations of each exit.",)
    return Section("exits", "Exits", paragraphs, (_table(rows, split, order),), tuple(plots))


def _names(row: Row) -> list[str]:
    return list(row.runs[0].exit_scores(row.split))


def _costs(row: Row) -> dict[str, float]:
    """Multiply-accumulates up to each exit; empty if only the network's are known."""
    macs = row.runs[0].macs
    return macs if len(macs) > 1 else {}


def _order(rows: Sequence[Row]) -> list[str]:
    """Shallow to deep: numbered exits, the network, then what combines them."""
    names = dict.fromkeys(name for row in rows for name in _names(row))
    numbered = sorted((n for n in names if n[-1].isdigit()), key=lambda n: (len(n), n))
    rest = [n for n in names if n not in numbered and n != "network"]
    return [*numbered, "network", *rest]


def _in_chain(name: str) -> bool:
    """Whether it is a single classifier, not a fusion of others."""
    return name[-1].isdigit() or name == "network"


def _accuracies(row: Row, name: str) -> list[float]:
    scores = [run.exit_scores(row.split).get(name, {}) for run in row.runs]
    return [one["accuracy"] for one in scores if "accuracy" in one]


def _table(rows: Sequence[Row], split: str, order: Sequence[str]) -> Table:
    cells: list[tuple[str, ...]] = []
    for row in rows:
        by_exit = [_accuracies(row, name) for name in order]
        cells.append((row.label, *(plus_minus(spread(v)) if v else ABSENT for v in by_exit)))
    caption = f"Accuracy (%) of every exit on the {split} split, mean ± standard deviation."
    return Table(caption, ("method", *order), tuple(cells))


def _by_exit(rows: Sequence[Row], split: str, order: Sequence[str], name: str) -> Plot:
    figure, panel = style.axes(xlabel="exit", ylabel=f"{split} accuracy (%)")
    for row in rows:
        _draw(panel, row, {n: float(place) for place, n in enumerate(order)})
    style.name_columns(panel, order, 58)
    panel.grid(axis="x", visible=False)
    panel.margins(x=0.1)
    style.legend(figure, panel)
    several = any(len(row.runs) > 1 for row in rows)
    bars = "; bars are ± one standard deviation over seeds" if several else ""
    caption = f"Accuracy of each exit, shallow to deep, on the {split} split{bars}."
    return Plot(name, caption, figure)


def _by_cost(rows: Sequence[Row], split: str, name: str) -> Plot:
    figure, panel = style.axes(
        xlabel="multiply-accumulates of one image (millions)", ylabel=f"{split} accuracy (%)"
    )
    for row in rows:
        _draw(panel, row, {n: cost / 1e6 for n, cost in _costs(row).items()})
    panel.margins(x=0.08)
    panel.set_xlim(left=0)
    style.legend(figure, panel)
    ordered = sorted(_costs(rows[0]).items(), key=itemgetter(1))
    costs = ", ".join(f"{n} {count(c)}".replace(" ", "\u00a0") for n, c in ordered)
    return Plot(
        name,
        f"Accuracy against operations, if one stops at an exit; {rows[0].label}: {costs}.",
        figure,
    )


def _draw(panel: style.Axes, row: Row, places: Mapping[str, float]) -> None:
    """Draw a row's exits at their places; single classifiers are joined by a line."""
    color, marker, stroke = style.row_style(row.style)
    for joined in (True, False):
        names = [n for n in places if _in_chain(n) == joined and _accuracies(row, n)]
        if not names:
            continue
        names.sort(key=places.__getitem__)
        accuracies = [spread(_accuracies(row, name)) for name in names]
        panel.errorbar(
            [places[name] for name in names],
            [one.mean for one in accuracies],
            yerr=np.array([one.sd or 0.0 for one in accuracies]),
            color=color,
            marker=marker,
            linestyle=stroke if joined else "none",
            mfc=color if joined else "white",
            elinewidth=1,
            capsize=2,
            label=row.label if joined else None,
        )
