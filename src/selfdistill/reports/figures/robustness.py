"""Accuracy under generated corruptions."""

from collections.abc import Sequence

import numpy as np

from ..content import Picture, Section, Table
from ..entries import Entry
from ..published import ABSENT, plus_minus
from ..statistics import spread
from . import style


def section(entries: Sequence[Entry]) -> Section | None:
    """Accuracy by corruption; None where no summary holds any."""
    shown = [entry for entry in entries if any(run.corruptions for run in entry.runs)]
    if not shown:
        return None
    kinds = list(dict.fromkeys(k for e in shown for run in e.runs for k in run.corruptions))
    rows = tuple(
        (kind.replace("_", " "), *(_cell(entry, kind) for entry in shown)) for kind in kinds
    )
    table = Table(
        "CIFAR-C-style corruptions, generated here: accuracy (%) on corrupted test images, mean "
        "over severities, ± standard deviation over seeds.",
        ("corruption", *(entry.label for entry in shown)),
        (*rows, ("mean", *(_mean_cell(entry, kinds) for entry in shown))),
    )
    pictures = [_by_severity(p, f"corruptions-{i}") for i, p in enumerate(style.chunks(shown))]
    return Section("robustness", "Robustness", (), (table,), tuple(pictures))


def _means(entry: Entry, kind: str) -> list[float]:
    """Each seed's mean over severities."""
    found = [run.corruptions.get(kind) for run in entry.runs]
    return [float(np.mean(list(levels.values()))) for levels in found if levels]


def _cell(entry: Entry, kind: str) -> str:
    values = _means(entry, kind)
    return plus_minus(spread(values)) if values else ABSENT


def _mean_cell(entry: Entry, kinds: Sequence[str]) -> str:
    found = [_means(entry, kind) for kind in kinds]
    if not all(found) or len({len(values) for values in found}) > 1:
        return ABSENT
    return plus_minus(spread(list(np.mean(found, axis=0))))


def _by_severity(entries: Sequence[Entry], name: str) -> Picture:
    figure, panel = style.axes(xlabel="severity (1 to 5)", ylabel="test accuracy (%)")
    levels: set[int] = set()
    for entry in entries:
        tables = [levels for run in entry.runs for levels in run.corruptions.values()]
        own = sorted({level for levels in tables for level in levels})
        means = [np.mean([t[level] for t in tables if level in t]) for level in own]
        style.curve(panel, np.array(own, float), np.array(means, float), entry.style, entry.label)
        levels.update(own)
    panel.set_xticks(sorted(levels))
    style.legend(figure, panel)
    caption = "Accuracy by severity of the corruption, mean over all corruptions and seeds."
    return Picture(name, caption, figure)
