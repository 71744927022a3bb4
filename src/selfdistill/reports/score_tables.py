"""The scores of one run as plain tables: by exit, and on corrupted images."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rich.table import Table

from ..consoles import render_plain

FIELDS = {
    "accuracy": "accuracy %",
    "top5": "top-5 %",
    "macro_accuracy": "macro %",
    "nll": "NLL",
    "ece": "ECE %",
    "brier": "Brier",
}


def exit_table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """A plain table: a line for each exit, a column for each score."""
    rows = ((name, *(f"{of[field]:.3f}" for field in FIELDS)) for name, of in scores.items())
    return _plain_table(["exit", *FIELDS.values()], rows)


def corruption_table(accuracies: Mapping[str, Mapping[str, float]]) -> str:
    """A plain table: a line for each corruption, a column for each severity, and the means.

    Args:
        accuracies: In percent, by corruption and severity.
    """
    severities = list(next(iter(accuracies.values())))
    values = np.array(
        [[levels[severity] for severity in severities] for levels in accuracies.values()]
    )
    values = np.vstack([values, values.mean(0)])
    values = np.hstack([values, values.mean(1, keepdims=True)])
    names = [name.replace("_", " ") for name in (*accuracies, "mean")]
    rows = ((name, *map("{:.2f}".format, row)) for name, row in zip(names, values, strict=True))
    return _plain_table(["corruption, severity", *severities, "mean"], rows)


def _plain_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    table = Table(box=None)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row)
    return render_plain(table, width=100)
