"""The columns of a results table."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from .comparison import Comparison
from .content import Table
from .row import Row
from .text import ABSENT, TableKind, plus_minus, signed, verdict_words


@dataclass(frozen=True)
class Column:
    """A column for people; line breaks in title and cells are kept where the medium allows."""

    title: str
    """``{control}`` is replaced by the name of the control."""
    cell: Callable[[Row], str]
    rank: int = 0
    """Columns of the highest rank are left out first where space is short; 0 always stays."""
    words: bool = False
    """Set flush left and wrapped; the others are numbers."""
    table: TableKind | None = None
    """The table that it is for; None for both."""


def _difference(row: Row) -> str:
    if row.difference is None:
        return ABSENT
    mean, interval, _ = row.difference
    span = f" [{signed(interval[0])}, {signed(interval[1])}]" if interval else ""
    return f"{signed(mean)}{span}"


def _difference_and_verdict(row: Row) -> str:
    verdict = verdict_words(row)
    return verdict if row.difference is None else f"{_difference(row)}\n{verdict}"


def _count(number: int) -> str:
    return f"{number / 1e6:.2f} M" if number >= 999_950 else f"{number / 1e3:.1f} k"


def _or_absent(text: str, value: float | None) -> str:
    return ABSENT if value is None else text.format(value)


COLUMNS = (
    Column("method", lambda row: row.label, words=True),
    Column("seeds", lambda row: str(len(row.seeds))),
    Column("accuracy", lambda row: plus_minus(row.accuracy), table="compare"),
    Column("accuracy, %", lambda row: plus_minus(row.accuracy), table="report"),
    Column("difference to\n{control}", _difference_and_verdict, words=True, table="compare"),
    Column("difference [95 %], points", _difference, table="report"),
    Column("verdict", verdict_words, words=True, table="report"),
    Column("NLL", lambda row: f"{row.nll:.3f}", 1, table="compare"),
    Column("ECE", lambda row: f"{row.ece:.2f}", 3, table="compare"),
    Column("network\nparameters", lambda row: _count(row.parameters), 5, table="compare"),
    Column("training\nparameters", lambda row: _count(row.training_parameters), 6, table="compare"),
    Column("seconds\nper run", lambda row: f"{row.seconds:,.0f}", 4, table="compare"),
    Column("step\nratio", lambda row: _or_absent("{:.2f}", row.step_ratio), 2, table="compare"),
    Column("paper, %", lambda row: _or_absent("{:.2f}", row.paper), table="report"),
    Column(
        "legacy: best test epoch, %",
        lambda row: ABSENT if row.best_test_epoch is None else plus_minus(row.best_test_epoch),
        table="report",
    ),
    Column(
        "sampling error, points",
        lambda row: _or_absent("±{:.2f}", row.sampling_error),
        table="report",
    ),
)


def columns_of(comparison: Comparison, table: TableKind = "compare") -> list[Column]:
    """The columns of a table that are not empty."""
    return [
        replace(column, title=column.title.format(control=comparison.control_name))
        for column in COLUMNS
        if column.table in (None, table)
        and any(column.cell(row) != ABSENT for row in comparison.rows)
    ]


def results_table(comparison: Comparison, table: TableKind = "report") -> Table:
    """The table as cells."""
    columns = columns_of(comparison, table)
    return Table(
        f"Top-1 accuracy on the {comparison.split} split after the last epoch, mean ± standard "
        "deviation over seeds.",
        columns=tuple(column.title for column in columns),
        rows=tuple(tuple(column.cell(row) for column in columns) for row in comparison.rows),
        words=frozenset(i for i, column in enumerate(columns) if column.words),
    )
