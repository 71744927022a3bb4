"""Accuracies on corrupted images as plain text."""

from collections.abc import Mapping

from rich.table import Table

from ..consoles import rendered


def corruption_table(found: Mapping[str, Mapping[str, float]]) -> str:
    """A plain table: a line for each corruption, a column for each severity, and the means.

    Args:
        found: Accuracy in percent, by corruption and severity.
    """
    severities = list(next(iter(found.values())))
    table = Table(box=None)
    table.add_column("corruption, severity")
    for heading in (*severities, "mean"):
        table.add_column(heading, justify="right")
    for name, levels in found.items():
        values = [levels[severity] for severity in severities]
        table.add_row(name.replace("_", " "), *map(_cell, (*values, _mean(values))))
    means = [_mean([levels[severity] for levels in found.values()]) for severity in severities]
    table.add_row("mean", *map(_cell, (*means, _mean(means))))
    return rendered(table, width=100)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _cell(value: float) -> str:
    return f"{value:.2f}"
