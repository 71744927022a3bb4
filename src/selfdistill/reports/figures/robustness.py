"""Accuracy under generated corruptions."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..content import Picture, Section, Table
from ..entries import Entry
from ..statistics import spread
from ..table import plus_minus
from ..verdicts import ABSENT
from . import style

Accuracies = Mapping[str, Mapping[int, float]]
"""Percent, by corruption and severity."""


def section(entries: Sequence[Entry], split: str) -> Section | None:
    """Accuracy by corruption; None where no summary holds any."""
    shown = [entry for entry in entries if any(run.corruptions(split) for run in entry.runs)]
    if not shown:
        return None
    found = {entry.label: [run.corruptions(split) for run in entry.runs] for entry in shown}
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


def _by_severity(entries: Sequence[Entry], split: str, name: str) -> Picture:
    figure, panel = style.axes(xlabel="severity (1 to 5)", ylabel=f"{split} accuracy (%)")
    levels: set[int] = set()
    for entry in entries:
        tables = [levels for run in entry.runs for levels in run.corruptions(split).values()]
        own = sorted({level for levels in tables for level in levels})
        means = [np.mean([t[level] for t in tables if level in t]) for level in own]
        style.curve(panel, np.array(own, float), np.array(means, float), entry.style, entry.label)
        levels.update(own)
    panel.set_xticks(sorted(levels))
    style.legend(figure, panel)
    caption = "Accuracy by severity of the corruption, mean over all corruptions and seeds."
    return Picture(name, caption, figure)
