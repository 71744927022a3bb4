"""Accuracy under generated corruptions."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..comparison import Comparison
from ..content import Picture, Section, Table
from ..row import Row
from ..statistics import spread
from ..text import ABSENT, plus_minus
from . import style

Accuracies = Mapping[str, Mapping[int, float]]
"""Percent, by corruption and severity."""


def section(comparison: Comparison) -> Section | None:
    """Accuracy by corruption; None where no summary holds any."""
    split = comparison.split
    shown = [row for row in comparison.rows if any(run.corruptions(split) for run in row.runs)]
    if not shown:
        return None
    found = {row.label: [run.corruptions(split) for run in row.runs] for row in shown}
    kinds = list(dict.fromkeys(k for runs in found.values() for run in runs for k in run))
    rows = tuple(
        (kind.replace("_", " "), *(_cell(runs, kind) for runs in found.values())) for kind in kinds
    )
    table = Table(
        f"CIFAR-C-style corruptions, generated here: accuracy (%) on corrupted {split} images, "
        "mean over severities, ± standard deviation over seeds.",
        ("corruption", *found),
        (*rows, ("mean", *(_mean_cell(runs, kinds) for runs in found.values()))),
    )
    pictures = [
        _by_severity(part, split, f"corruptions-{i}") for i, part in enumerate(style.chunks(shown))
    ]
    return Section("robustness", "Robustness", (), (table,), tuple(pictures))


def _means(runs: Sequence[Accuracies], kind: str) -> list[float]:
    """Each seed's mean over severities."""
    found = [run.get(kind) for run in runs]
    return [float(np.mean(list(levels.values()))) for levels in found if levels]


def _cell(runs: Sequence[Accuracies], kind: str) -> str:
    values = _means(runs, kind)
    return plus_minus(spread(values)) if values else ABSENT


def _mean_cell(runs: Sequence[Accuracies], kinds: Sequence[str]) -> str:
    found = [_means(runs, kind) for kind in kinds]
    if not all(found) or len({len(values) for values in found}) > 1:
        return ABSENT
    return plus_minus(spread(list(np.mean(found, axis=0))))


def _by_severity(rows: Sequence[Row], split: str, name: str) -> Picture:
    figure, panel = style.axes(xlabel="severity (1 to 5)", ylabel=f"{split} accuracy (%)")
    levels: set[int] = set()
    for row in rows:
        tables = [levels for run in row.runs for levels in run.corruptions(split).values()]
        own = sorted({level for levels in tables for level in levels})
        means = [np.mean([t[level] for t in tables if level in t]) for level in own]
        style.curve(panel, np.array(own, float), np.array(means, float), row.style, row.label)
        levels.update(own)
    panel.set_xticks(sorted(levels))
    style.legend(figure, panel)
    caption = "Accuracy by severity of the corruption, mean over all corruptions and seeds."
    return Picture(name, caption, figure)
