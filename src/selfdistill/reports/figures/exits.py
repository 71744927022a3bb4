"""How good every exit is, and the fusion of all."""

from collections.abc import Mapping, Sequence
from operator import itemgetter

import numpy as np

from ..content import Picture, Section, Table
from ..entries import Entry
from ..statistics import spread
from ..table import plus_minus
from ..verdicts import ABSENT
from . import style
from .cost import count


def section(entries: Sequence[Entry], split: str) -> Section | None:
    """Accuracy by exit; None where no method has more than its network."""
    shown = [entry for entry in entries if len(_names(entry, split)) > 1]
    if not shown:
        return None
    order = _order(shown, split)
    with_cost = [entry for entry in shown if _costs(entry)]
    pictures = [_by_exit(p, split, order, f"exits-{i}") for i, p in enumerate(style.chunks(shown))]
    if with_cost:
        parts = enumerate(style.chunks(with_cost))
        pictures += [_by_cost(part, split, f"exits-macs-{i}") for i, part in parts]
    words = () if with_cost else ("The summaries do not hold the operations of each exit.",)
    return Section(
        "exits", "Exits", words, (_table(shown, split, order),), pictures=tuple(pictures)
    )


def _names(entry: Entry, split: str) -> list[str]:
    return list(entry.runs[0].scores(split))


def _costs(entry: Entry) -> dict[str, float]:
    """Operations up to each exit; none where only the whole network's are known."""
    macs = entry.runs[0].macs
    return macs if len(macs) > 1 else {}


def _order(entries: Sequence[Entry], split: str) -> list[str]:
    """Shallow to deep: numbered exits, the network, then what combines them."""
    names = dict.fromkeys(name for entry in entries for name in _names(entry, split))
    numbered = sorted((n for n in names if n[-1].isdigit()), key=lambda n: (len(n), n))
    rest = [n for n in names if n not in numbered and n != "network"]
    return [*numbered, "network", *rest]


def _in_chain(name: str) -> bool:
    """Whether it is a classifier of its own, and not made of others."""
    return name[-1].isdigit() or name == "network"


def _accuracies(entry: Entry, split: str, name: str) -> list[float]:
    found = [run.scores(split).get(name, {}).get("accuracy") for run in entry.runs]
    return [value for value in found if value is not None]


def _table(entries: Sequence[Entry], split: str, order: Sequence[str]) -> Table:
    rows: list[tuple[str, ...]] = []
    for entry in entries:
        found = [_accuracies(entry, split, name) for name in order]
        rows.append((entry.label, *(plus_minus(spread(v)) if v else ABSENT for v in found)))
    caption = f"Accuracy (%) of every exit on the {split} split, mean ± standard deviation."
    return Table(caption, ("method", *order), tuple(rows))


def _by_exit(entries: Sequence[Entry], split: str, order: Sequence[str], name: str) -> Picture:
    figure, panel = style.axes(xlabel="exit", ylabel=f"{split} accuracy (%)")
    for entry in entries:
        _draw(panel, entry, split, {n: float(place) for place, n in enumerate(order)})
    style.name_columns(panel, order, 58)
    panel.grid(axis="x", visible=False)
    panel.margins(x=0.1)
    style.legend(figure, panel)
    several = any(len(entry.runs) > 1 for entry in entries)
    bars = "; bars are ± one standard deviation over seeds" if several else ""
    caption = f"Accuracy of each exit, shallow to deep, on the {split} split{bars}."
    return Picture(name, caption, figure)


def _by_cost(entries: Sequence[Entry], split: str, name: str) -> Picture:
    figure, panel = style.axes(
        xlabel="multiply-accumulates of one image (millions)", ylabel=f"{split} accuracy (%)"
    )
    for entry in entries:
        _draw(panel, entry, split, {n: cost / 1e6 for n, cost in _costs(entry).items()})
    panel.margins(x=0.08)
    panel.set_xlim(left=0)
    style.legend(figure, panel)
    ordered = sorted(_costs(entries[0]).items(), key=itemgetter(1))
    costs = ", ".join(f"{n} {count(c)}".replace(" ", "\u00a0") for n, c in ordered)
    return Picture(
        name,
        f"Accuracy against operations, if one stops at an exit; {entries[0].label}: {costs}.",
        figure,
    )


def _draw(panel: style.Axes, entry: Entry, split: str, places: Mapping[str, float]) -> None:
    """Draw what a row has of the exits at their places, classifiers of their own joined."""
    color, marker, stroke = style.look(entry.style)
    for joined in (True, False):
        names = [n for n in places if _in_chain(n) == joined and _accuracies(entry, split, n)]
        if not names:
            continue
        names.sort(key=places.__getitem__)
        found = [spread(_accuracies(entry, split, name)) for name in names]
        panel.errorbar(
            [places[name] for name in names],
            [one.mean for one in found],
            yerr=np.array([one.sd or 0.0 for one in found]),
            color=color,
            marker=marker,
            linestyle=stroke if joined else "none",
            mfc=color if joined else "white",
            elinewidth=1,
            capsize=2,
            label=entry.label if joined else None,
        )
