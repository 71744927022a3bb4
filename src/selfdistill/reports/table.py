"""A comparison as text for people: rich, plain, Markdown."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..consoles import rendered
from ..terminal import shown, shown_name
from .lines import Comparison, Line
from .statistics import Spread
from .verdicts import ABSENT, signed, verdict_words

Kind = Literal["compare", "report"]


@dataclass(frozen=True)
class Column:
    """A column for people; line breaks in title and cells are kept where the medium allows."""

    title: str
    """Where it says ``{control}``, what differences are to is filled in."""
    cell: Callable[[Line], str]
    rank: int = 0
    """Columns of the highest rank are left out first where space is short; 0 always stays."""
    words: bool = False
    """Set flush left and wrapped; the others are numbers."""
    table: Kind | None = None
    """The table that it is for; None for both."""


def plus_minus(value: Spread, digits: int = 2) -> str:
    """A mean, and its standard deviation over seeds where there is one."""
    mean, sd = value
    return f"{mean:.{digits}f}" if sd is None else f"{mean:.{digits}f} ± {sd:.{digits}f}"


def _difference(line: Line) -> str:
    if line.difference is None:
        return ABSENT
    mean, interval, _ = line.difference
    span = f" [{signed(interval[0])}, {signed(interval[1])}]" if interval else ""
    return f"{signed(mean)}{span}"


def _judged(line: Line) -> str:
    words = verdict_words(line)
    return words if line.difference is None else f"{_difference(line)}\n{words}"


def _count(number: int) -> str:
    return f"{number / 1e6:.2f} M" if number >= 999_950 else f"{number / 1e3:.1f} k"


def _or_absent(text: str, value: float | None) -> str:
    return ABSENT if value is None else text.format(value)


COLUMNS = (
    Column("method", lambda line: line.label, words=True),
    Column("seeds", lambda line: str(len(line.seeds))),
    Column("accuracy", lambda line: plus_minus(line.accuracy), table="compare"),
    Column("accuracy, %", lambda line: plus_minus(line.accuracy), table="report"),
    Column("difference to\n{control}", _judged, words=True, table="compare"),
    Column("difference [95 %], points", _difference, table="report"),
    Column("verdict", verdict_words, words=True, table="report"),
    Column("NLL", lambda line: f"{line.nll:.3f}", 1, table="compare"),
    Column("ECE", lambda line: f"{line.ece:.2f}", 3, table="compare"),
    Column("network\nparameters", lambda line: _count(line.parameters), 5, table="compare"),
    Column(
        "training\nparameters",
        lambda line: _count(line.training_parameters),
        6,
        table="compare",
    ),
    Column("seconds\nper run", lambda line: f"{line.seconds:,.0f}", 4, table="compare"),
    Column("step\nratio", lambda line: _or_absent("{:.2f}", line.step_ratio), 2, table="compare"),
    Column("paper, %", lambda line: _or_absent("{:.2f}", line.paper), table="report"),
    Column(
        "legacy: best test epoch, %",
        lambda line: ABSENT if line.legacy is None else plus_minus(line.legacy),
        table="report",
    ),
    Column(
        "sampling error, points",
        lambda line: _or_absent("±{:.2f}", line.sampling),
        table="report",
    ),
)


def columns_of(comparison: Comparison, table: Kind = "compare") -> list[Column]:
    """The columns of a table that have something in them."""
    return [
        replace(column, title=column.title.format(control=comparison.control))
        for column in COLUMNS
        if column.table in (None, table)
        and any(column.cell(line) != ABSENT for line in comparison.lines)
    ]


def as_table(comparison: Comparison, *, width: int) -> Group:
    """Render for a terminal, with the notes below.

    Args:
        comparison: What to show.
        width: Characters to a line; the least important columns are left out to keep to it.
    """
    columns = columns_of(comparison)
    left_out: list[str] = []
    while _natural_width(table := _table(comparison, columns, width)) > width:
        least = max(columns, key=lambda column: column.rank)
        if least.rank == 0:
            break
        columns.remove(least)
        left_out.append(least.title.replace("\n", " "))
    space = [f"left out at {width} columns: {', '.join(left_out)}"] if left_out else []
    return Group(table, *(Text(note) for note in (*comparison.notes, *space)))


def as_text(comparison: Comparison, *, width: int = 80) -> str:
    """Render without colour or control codes, for logs and files."""
    text = rendered(as_table(comparison, width=width), width=width)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def as_markdown(comparison: Comparison, *, table: Kind = "compare") -> str:
    """Render as a Markdown table, with the notes as a list below."""
    columns = columns_of(comparison, table)
    rows = [
        [column.title for column in columns],
        *([column.cell(line) for column in columns] for line in comparison.lines),
    ]
    head, *body = (f"| {' | '.join(map(_inline, row))} |" for row in rows)
    rule = f"| {' | '.join(':--' if column.words else '--:' for column in columns)} |"
    return "\n".join(
        [head, rule, *body, "", *(f"- {shown_name(note)}" for note in comparison.notes), ""]
    )


def _inline(cell: str) -> str:
    return re.sub(r"([\\|<>*_`])", r"\\\1", shown(cell.replace("\n", " ")))


def _table(comparison: Comparison, columns: Sequence[Column], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(
            Text(column.title),
            justify="left" if column.words else "right",
            no_wrap=not column.words,
            overflow="fold",
            max_width=width // 3 if column.words else None,
        )
    for line in comparison.lines:
        table.add_row(*(Text(column.cell(line)) for column in columns))
    return table


def _natural_width(table: Table) -> int:
    console = Console(file=io.StringIO(), width=10_000)
    return Measurement.get(console, console.options, table).maximum
