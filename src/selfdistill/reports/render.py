"""A comparison as text: for terminals, Markdown, HTML, LaTeX, CSV and JSON."""

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from html import escape

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..consoles import render_plain
from ..terminal import csv_text, shown, shown_name
from .columns import Column, columns_of, results_table
from .comparison import Comparison
from .row import Row
from .text import TableKind, notes

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
    return Group(table, *(Text(note) for note in (*notes(comparison), *space)))


def as_text(comparison: Comparison, *, width: int = 80) -> str:
    """Render without colour or control codes, for logs and files."""
    text = render_plain(as_table(comparison, width=width), width=width)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def as_markdown(comparison: Comparison, *, table: TableKind = "compare") -> str:
    """Render as a Markdown table, with the notes as a list below."""
    cells = results_table(comparison, table)
    head, *body = (f"| {' | '.join(map(_markdown, row))} |" for row in (cells.columns, *cells.rows))
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
    records = [_record(row) for row in comparison.rows]
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
    records = [
        _record(row) | (_report_record(row) if table == "report" else {}) for row in comparison.rows
    ]
    rows = [
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()}
        for record in records
    ]
    content = {"split": comparison.split, "rows": rows, "notes": notes(comparison, table)}
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


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
    for row in comparison.rows:
        table.add_row(*(Text(column.cell(row)) for column in columns))
    return table


def _natural_width(table: Table) -> int:
    console = Console(file=io.StringIO(), width=10_000)
    return Measurement.get(console, console.options, table).maximum


def _markdown(cell: str) -> str:
    return re.sub(r"([\\|<>*_`])", r"\\\1", shown(cell.replace("\n", " ")))


def _html(tag: str, cells: Sequence[str]) -> str:
    marked = [f"<{tag}>{escape(shown(cell)).replace(chr(10), '<br>')}</{tag}>" for cell in cells]
    return f"<tr>{''.join(marked)}</tr>"


def _tex(cell: str) -> str:
    return "".join(TEX.get(mark, mark) for mark in shown(cell))


def _record(row: Row) -> dict[str, object]:
    difference = row.difference
    low, high = (difference and difference.interval) or (None, None)
    return {
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
        "parameters": row.parameters,
        "training_parameters": row.training_parameters,
        "seconds": row.seconds,
        "step_ratio": row.step_ratio,
    }


def _report_record(row: Row) -> dict[str, object]:
    return {
        "paper": row.paper,
        "legacy_best_test_epoch": row.best_test_epoch and row.best_test_epoch.mean,
        "sampling_error": row.sampling_error,
    }
