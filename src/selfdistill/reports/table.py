"""A comparison as text for people (rich, plain, Markdown) and for programs (CSV, JSON)."""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from .comparison import Comparison, Line

ABSENT = "–"


@dataclass(frozen=True)
class Column:
    """A column for people; line breaks in title and cells are kept where the medium allows."""

    title: str
    cell: Callable[[Line], str]
    rank: int = 0
    """Columns of the highest rank are left out first where space is short; 0 always stays."""
    needs_control: bool = False
    wraps: bool = False


def _accuracy(line: Line) -> str:
    mean, sd = line.accuracy
    return f"{mean:.2f}" if sd is None else f"{mean:.2f} ± {sd:.2f}"


def _difference(line: Line) -> str:
    if line.is_control:
        return "reference"
    if line.difference is None:
        names = ", ".join(part.replace("_", " ") for part in line.differs)
        return f"{names} {'differs' if len(line.differs) == 1 else 'differ'}"
    mean, interval, obstacle = line.difference
    span = f" [{_signed(interval[0])}, {_signed(interval[1])}]" if interval else ""
    return f"{_signed(mean)}{span}\n{line.difference.verdict or f'no verdict {obstacle}'}"


def _signed(points: float) -> str:
    return f"{round(points, 2) + 0.0:+.2f}"  # adding 0 turns -0 into 0


def _count(number: int) -> str:
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.1f} k"


def _step_ratio(line: Line) -> str:
    return ABSENT if line.step_ratio is None else f"{line.step_ratio:.2f}"


COLUMNS = (
    Column("method", lambda line: line.label, wraps=True),
    Column("seeds", lambda line: str(len(line.seeds))),
    Column("accuracy", _accuracy),
    Column("difference to\ncross-entropy", _difference, needs_control=True, wraps=True),
    Column("NLL", lambda line: f"{line.nll:.3f}", rank=1),
    Column("ECE", lambda line: f"{line.ece:.2f}", rank=3),
    Column("network\nparameters", lambda line: _count(line.parameters), rank=5),
    Column("training\nparameters", lambda line: _count(line.training_parameters), rank=6),
    Column("seconds\nper run", lambda line: f"{line.seconds:,.0f}", rank=4),
    Column("step\nratio", _step_ratio, rank=2, needs_control=True),
)


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
    console = Console(file=io.StringIO(), width=width, color_system=None, force_jupyter=False)
    with console.capture() as capture:
        console.print(as_table(comparison, width=width))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n") + "\n"


def as_markdown(comparison: Comparison) -> str:
    """Render as a Markdown table, with the notes as a list below."""
    columns = columns_of(comparison)
    rows = [
        [column.title for column in columns],
        [":--" if column.wraps else "--:" for column in columns],
        *([column.cell(line) for column in columns] for line in comparison.lines),
    ]
    table = [f"| {' | '.join(_inline(cell) for cell in row)} |" for row in rows]
    return "\n".join([*table, "", *(f"- {note}" for note in comparison.notes), ""])


def as_csv(comparison: Comparison) -> str:
    """Render numbers in full precision, one line a row; what is unknown is empty."""
    records = [_record(line) for line in comparison.lines]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        joined = {k: " ".join(map(str, v)) for k, v in record.items() if isinstance(v, tuple)}
        writer.writerow(record | joined)
    return file.getvalue()


def as_json(comparison: Comparison) -> str:
    """Render numbers in full precision; what is unknown or not finite is ``null``."""
    rows = [
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        for row in map(_record, comparison.lines)
    ]
    content = {"split": comparison.split, "rows": rows, "notes": comparison.notes}
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _record(line: Line) -> dict[str, object]:
    difference = line.difference
    low, high = (difference and difference.interval) or (None, None)
    return {
        "method": line.label,
        "seeds": line.seeds,
        "accuracy": line.accuracy.mean,
        "accuracy_sd": line.accuracy.sd,
        "difference": difference and difference.mean,
        "difference_low": low,
        "difference_high": high,
        "verdict": difference and difference.verdict,
        "differs": line.differs,
        "nll": line.nll,
        "ece": line.ece,
        "parameters": line.parameters,
        "training_parameters": line.training_parameters,
        "seconds": line.seconds,
        "step_ratio": line.step_ratio,
    }


def columns_of(comparison: Comparison) -> list[Column]:
    """The columns that a comparison fills."""
    return [c for c in COLUMNS if comparison.has_control or not c.needs_control]


def _inline(cell: str) -> str:
    return cell.replace("\n", " ").replace("|", "\\|")


def _table(comparison: Comparison, columns: Sequence[Column], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(
            column.title,
            justify="left" if column.wraps else "right",
            no_wrap=not column.wraps,
            overflow="fold",
            max_width=width // 3 if column.wraps else None,
        )
    for line in comparison.lines:
        table.add_row(*(Text(column.cell(line)) for column in columns))
    return table


def _natural_width(table: Table) -> int:
    console = Console(file=io.StringIO(), width=10_000)
    return Measurement.get(console, console.options, table).maximum
