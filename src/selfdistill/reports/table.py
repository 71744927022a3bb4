"""The results table: its columns, and as text, Markdown, HTML, LaTeX, CSV and JSON."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..consoles import render_plain
from ..terminal import csv_text, shown, shown_name
from .comparison import Comparison, Row
from .sections import TextTable
from .statistics import Spread
from .text import ABSENT, TableKind, difference_words, notes, plus_minus, verdict_words

TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}


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
    return ABSENT if row.difference is None else difference_words(row.difference)


def _difference_and_verdict(row: Row) -> str:
    verdict = verdict_words(row)
    return verdict if row.difference is None else f"{_difference(row)}\n{verdict}"


def _count(number: int) -> str:
    return f"{number / 1e6:.2f} M" if number >= 999_950 else f"{number / 1e3:.1f} k"


def _or_absent(text: str, value: float | None) -> str:
    return ABSENT if value is None else text.format(value)


def _macro(row: Row, score: Spread | None) -> str:
    return ABSENT if score is None or row.is_balanced else plus_minus(score)


COLUMNS = (
    Column("method", lambda row: row.label, words=True),
    Column("seeds", lambda row: str(len(row.seeds))),
    Column("accuracy", lambda row: plus_minus(row.accuracy), table="compare"),
    Column("accuracy, %", lambda row: plus_minus(row.accuracy), table="report"),
    Column("difference to\n{control}", _difference_and_verdict, words=True, table="compare"),
    Column("difference [95 %], points", _difference, table="report"),
    Column("verdict", verdict_words, words=True, table="report"),
    Column("macro\naccuracy", lambda row: _macro(row, row.macro_accuracy), 2, table="compare"),
    Column("macro accuracy, %", lambda row: _macro(row, row.macro_accuracy), table="report"),
    Column("macro\nF1", lambda row: _macro(row, row.macro_f1), 3, table="compare"),
    Column("macro F1, %", lambda row: _macro(row, row.macro_f1), table="report"),
    Column("NLL", lambda row: f"{row.nll:.3f}", 1, table="compare"),
    Column("ECE", lambda row: f"{row.ece:.2f}", 3, table="compare"),
    Column("scaled\nNLL", lambda row: _or_absent("{:.3f}", row.scaled_nll), 1, table="compare"),
    Column("scaled\nECE", lambda row: _or_absent("{:.2f}", row.scaled_ece), 3, table="compare"),
    Column("network\nparameters", lambda row: _count(row.cost.parameters), 5, table="compare"),
    Column(
        "training\nparameters", lambda row: _count(row.cost.training_parameters), 6, table="compare"
    ),
    Column("seconds\nper run", lambda row: f"{row.cost.seconds:,.0f}", 4, table="compare"),
    Column("step\nratio", lambda row: _or_absent("{:.2f}", row.step_ratio), 2, table="compare"),
    Column("paper, %", lambda row: _or_absent("{:.2f}", row.paper), table="report"),
    Column("legacy: best test epoch, %", lambda r: plus_minus(r.best_test_epoch), table="report"),
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


def results_table(comparison: Comparison, table: TableKind = "report") -> TextTable:
    """The table as cells."""
    columns = columns_of(comparison, table)
    return TextTable(
        f"Top-1 accuracy on the {comparison.split} split after the last epoch, mean ± standard "
        "deviation over seeds.",
        columns=tuple(column.title for column in columns),
        rows=tuple(tuple(column.cell(row) for column in columns) for row in comparison.rows),
        words=frozenset(i for i, column in enumerate(columns) if column.words),
    )


def as_table(comparison: Comparison, *, width: int) -> Group:
    """Render for a terminal, with the notes below.

    Args:
        comparison: What to show.
        width: Characters to a line; the least important columns are left out to keep to it.
    """
    columns = columns_of(comparison)
    left_out: list[str] = []
    wide = Console(file=io.StringIO(), width=10_000)
    while True:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for column in columns:
            table.add_column(
                Text(column.title),
                justify="left" if column.words else "right",
                no_wrap=not column.words,
                overflow="fold",
                max_width=width // 3 if column.words else None,
            )
        for row in comparison.rows:
            table.add_row(*(Text(column.cell(row)) for column in columns))
        least = max(columns, key=lambda column: column.rank)
        if least.rank == 0 or Measurement.get(wide, wide.options, table).maximum <= width:
            break
        columns.remove(least)
        left_out.append(least.title.replace("\n", " "))
    space = [f"left out at {width} columns: {', '.join(left_out)}"] if left_out else []
    return Group(table, *(Text(note) for note in (*notes(comparison), *space)))


def as_text(comparison: Comparison, *, width: int = 80) -> str:
    """Render without colour or control codes, for logs and files."""
    text = render_plain(as_table(comparison, width=width), width=width)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def as_markdown(comparison: Comparison, *, table: TableKind = "compare") -> str:
    """Render as a Markdown table, with the notes as a list below."""
    cells = results_table(comparison, table)
    head, *body = (f"| {' | '.join(map(markdown, row))} |" for row in (cells.columns, *cells.rows))
    marks = [":--" if i in cells.words else "--:" for i in range(len(cells.columns))]
    below = (f"- {shown_name(note)}" for note in notes(comparison, table))
    return "\n".join([head, f"| {' | '.join(marks)} |", *body, "", *below, ""])


def as_html(comparison: Comparison) -> str:
    """Render as an HTML table for notebooks, with the notes below; names are escaped."""
    cells = results_table(comparison, "compare")
    head = _html("th", cells.columns)
    body = "".join(_html("td", row) for row in cells.rows)
    below = "".join(f"<li>{escape(shown(note))}</li>" for note in notes(comparison))
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table><ul>{below}</ul>"


def as_latex(comparison: Comparison) -> str:
    """Render the table of a report for LaTeX; needs the package ``booktabs``."""
    cells = results_table(comparison)
    alignment = "".join("l" if i in cells.words else "r" for i in range(len(cells.columns)))
    head, *body = (" & ".join(map(_tex, row)) + r" \\" for row in (cells.columns, *cells.rows))
    above = (f"% {shown_name(note)}" for note in notes(comparison, "report"))
    begin, end = rf"\begin{{tabular}}{{{alignment}}}", r"\end{tabular}"
    return "\n".join(
        [*above, begin, r"\toprule", head, r"\midrule", *body, r"\bottomrule", end, ""]
    )


def as_csv(comparison: Comparison) -> str:
    """Render numbers in full precision, one line a row; what is unknown is empty."""
    records = _records(comparison, "compare")
    file = io.StringIO()
    writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        joined = {k: " ".join(map(str, v)) for k, v in record.items() if isinstance(v, tuple)}
        cells = record | joined
        writer.writerow({k: csv_text(v) if isinstance(v, str) else v for k, v in cells.items()})
    return file.getvalue()


def as_json(comparison: Comparison, *, table: TableKind = "compare") -> str:
    """Render numbers in full precision; what is unknown or not finite is ``null``."""
    rows = [
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()}
        for record in _records(comparison, table)
    ]
    content = {"split": comparison.split, "rows": rows, "notes": notes(comparison, table)}
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def markdown(cell: str) -> str:
    """Text as a cell of a Markdown table."""
    return re.sub(r"([\\|<>*_`])", r"\\\1", shown(cell.replace("\n", " ")))


def _html(tag: str, cells: Sequence[str]) -> str:
    marked = [f"<{tag}>{escape(shown(cell)).replace(chr(10), '<br>')}</{tag}>" for cell in cells]
    return f"<tr>{''.join(marked)}</tr>"


def _tex(cell: str) -> str:
    return "".join(TEX.get(mark, mark) for mark in shown(cell))


def _records(comparison: Comparison, table: TableKind) -> list[dict[str, object]]:
    """The fields of each row; scores with temperatures where any row has them."""
    records = [_record(row, table) for row in comparison.rows]
    if all(row.scaled_nll is None for row in comparison.rows):
        return records
    scaled = [
        {"scaled_nll": row.scaled_nll, "scaled_ece": row.scaled_ece} for row in comparison.rows
    ]
    return [record | row for record, row in zip(records, scaled, strict=True)]


def _record(row: Row, table: TableKind) -> dict[str, object]:
    difference = row.difference
    low, high = (difference and difference.interval) or (None, None)
    record: dict[str, object] = {
        "method": row.label,
        "seeds": row.seeds,
        "accuracy": row.accuracy.mean,
        "accuracy_sd": row.accuracy.sd,
        "difference": difference and difference.mean,
        "difference_low": low,
        "difference_high": high,
        "difference_to": row.control and row.control.label,
        "verdict": row.verdict,
        "differs": row.differs,
        "nll": row.nll,
        "ece": row.ece,
        "macro_accuracy": row.macro_accuracy and row.macro_accuracy.mean,
        "macro_accuracy_sd": row.macro_accuracy and row.macro_accuracy.sd,
        "macro_f1": row.macro_f1 and row.macro_f1.mean,
        "macro_f1_sd": row.macro_f1 and row.macro_f1.sd,
        "parameters": row.cost.parameters,
        "training_parameters": row.cost.training_parameters,
        "seconds": row.cost.seconds,
        "step_ratio": row.step_ratio,
    }
    if table == "report":
        record |= {
            "paper": row.paper,
            "legacy_best_test_epoch": row.best_test_epoch and row.best_test_epoch.mean,
            "sampling_error": row.sampling_error,
        }
    return record
