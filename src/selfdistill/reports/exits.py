"""A run's exits beside each other."""

from collections.abc import Mapping

from rich.table import Table

from ..consoles import rendered

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
    table = Table(box=None)
    table.add_column("exit")
    for heading in FIELDS.values():
        table.add_column(heading, justify="right")
    for name, values in scores.items():
        table.add_row(name, *(f"{values[field]:.3f}" for field in FIELDS))
    return rendered(table, width=100)
