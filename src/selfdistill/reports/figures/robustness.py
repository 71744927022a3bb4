"""Accuracy under generated corruptions."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..comparison import Comparison
from ..content import Plot, Section, Table
from ..row import Row
from ..statistics import spread
from ..text import ABSENT, plus_minus
from . import style

Accuracies = Mapping[str, Mapping[int, float]]
"""Percent, by corruption and severity."""


def section(comparison: Comparison) -> Section | None:
    """Accuracy by corruption; None where no summary holds any."""
    split = comparison.split
    rows = [row for row in comparison.rows if any(run.corruptions(split) for run in row.runs)]
    if not rows:
        return None
    by_row = [[run.corruptions(split) for run in row.runs] for row in rows]
    kinds = list(dict.fromkeys(kind for runs in by_row for run in runs for kind in run))
    cells = [
        (kind.replace("_", " "), *(_accuracy(runs, kind) for runs in by_row)) for kind in kinds
    ]
    table = Table(
        f"CIFAR-C-style corruptions, generated here: accuracy (%) on corrupted {split} images, "
        "mean over severities, ± standard deviation over seeds.",
        ("corruption", *(row.label for row in rows)),
        (*cells, ("mean", *(_mean_accuracy(runs, kinds) for runs in by_row))),
    )
    plots = [
        _by_severity(part, split, f"corruptions-{i}") for i, part in enumerate(style.chunks(rows))
    ]
    return Section("robustness", "Robustness", (), (table,), tuple(plots))


def _means(runs: Sequence[Accuracies], kind: str) -> list[float]:
    """Each seed's mean over severities."""
    by_severity = [run[kind] for run in runs if kind in run]
    return [float(np.mean(list(levels.values()))) for levels in by_severity if levels]


def _accuracy(runs: Sequence[Accuracies], kind: str) -> str:
    means = _means(runs, kind)
    return plus_minus(spread(means)) if means else ABSENT


def _mean_accuracy(runs: Sequence[Accuracies], kinds: Sequence[str]) -> str:
    means = [_means(runs, kind) for kind in kinds]
    if not all(means) or len({len(seeds) for seeds in means}) > 1:
        return ABSENT
    return plus_minus(spread(list(np.mean(means, axis=0))))


def _by_severity(rows: Sequence[Row], split: str, name: str) -> Plot:
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
    return Plot(name, caption, figure)
