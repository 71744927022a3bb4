"""The results table, for the page, for papers and for programs."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .comparison import HEADLINE, HEADLINE_SEEDS, Comparison
from .content import Table
from .entries import Entry
from .statistics import FEWEST_SEEDS, Spread
from .table import as_json
from .verdicts import signed, verdict_words

ABSENT = "–"
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
    """A column of the results table; left out where no row has anything in it."""

    title: str
    cell: Callable[[Entry], str]
    words: bool = False
    optional: bool = False


def plus_minus(value: Spread, digits: int = 2) -> str:
    """A mean, and its standard deviation over seeds where there is one."""
    mean, sd = value
    return f"{mean:.{digits}f}" if sd is None else f"{mean:.{digits}f} ± {sd:.{digits}f}"


def _difference(entry: Entry) -> str:
    if entry.line.difference is None:
        return ABSENT
    mean, interval, _ = entry.line.difference
    if interval is None:
        return signed(mean)
    return f"{signed(mean)} [{signed(interval[0])}, {signed(interval[1])}]"


COLUMNS = (
    Column("method", lambda entry: entry.label, words=True),
    Column("seeds", lambda entry: str(len(entry.runs))),
    Column("accuracy, %", lambda entry: plus_minus(entry.line.accuracy)),
    Column("difference [95 %], points", _difference),
    Column("verdict", verdict_words, words=True),
    Column("paper, %", lambda e: ABSENT if e.paper is None else f"{e.paper:.2f}", optional=True),
    Column(
        "legacy: best test epoch, %",
        lambda entry: ABSENT if entry.legacy is None else plus_minus(entry.legacy),
        optional=True,
    ),
    Column(
        "sampling error, points",
        lambda entry: ABSENT if entry.sampling is None else f"±{entry.sampling:.2f}",
        optional=True,
    ),
)


def results_table(entries: Sequence[Entry], split: str) -> Table:
    """The table as cells."""
    columns = [
        column
        for column in COLUMNS
        if not column.optional or any(column.cell(entry) != ABSENT for entry in entries)
    ]
    return Table(
        caption=f"Top-1 accuracy on the {split} split after the last epoch, mean ± standard "
        "deviation over seeds.",
        columns=tuple(column.title for column in columns),
        rows=tuple(tuple(column.cell(entry) for column in columns) for entry in entries),
        words=frozenset(i for i, column in enumerate(columns) if column.words),
    )


def notes(entries: Sequence[Entry], split: str) -> list[str]:
    """What a reader of the table has to know."""
    found: list[str] = []
    if any(entry.line.difference is not None for entry in entries):
        found.append(
            "difference: of the means, to the cross-entropy row of the same setting; intervals "
            "over seeds, that hold jointly (Dunnett) or, of a single pair, Welch's"
        )
        found.append(
            f"a verdict takes {FEWEST_SEEDS} seeds in both rows, {HEADLINE_SEEDS} for {HEADLINE}"
        )
    if any(entry.sampling is not None for entry in entries):
        sizes = {run.summary.images.get(split) for entry in entries for run in entry.runs}
        size = f"{sizes.pop():,} " if len(sizes) == 1 else ""
        found.append(f"sampling error: one standard error by the choice of {size}{split} images")
    if any(entry.paper is not None for entry in entries):
        found.append("paper: as published, from other code and machines")
    if any(entry.legacy is not None for entry in entries):
        found.append("legacy: chosen by the test images, so too high; nothing here rests on it")
    return [*found, *_missing_seeds(entries)]


def _missing_seeds(entries: Sequence[Entry]) -> list[str]:
    every = {seed for entry in entries for seed in entry.line.seeds}
    lacking = {entry.label: sorted(every.difference(entry.line.seeds)) for entry in entries}
    parts = [f"{label} lacks {', '.join(map(str, s))}" for label, s in lacking.items() if s]
    return [f"seeds are missing: {'; '.join(parts)}"] if parts else []


def as_markdown(table: Table, notes: Sequence[str]) -> str:
    """Render for Markdown, with the notes as a list below."""
    rule = [":--" if i in table.words else "--:" for i in range(len(table.columns))]
    lines = [_markdown_row(row) for row in (table.columns, rule, *table.rows)]
    return "\n".join([table.caption, "", *lines, "", *(f"- {note}" for note in notes), ""])


def as_latex(table: Table, notes: Sequence[str]) -> str:
    """Render for LaTeX; needs the package ``booktabs``."""
    alignment = "".join("l" if i in table.words else "r" for i in range(len(table.columns)))
    rows = [" & ".join(map(_tex, row)) + r" \\" for row in (table.columns, *table.rows)]
    return "\n".join(
        [
            *(f"% {note}" for note in notes),
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def as_data(comparison: Comparison, entries: Sequence[Entry], notes: Sequence[str]) -> str:
    """Render numbers in full precision as JSON; what is unknown or not finite is ``null``."""
    content = json.loads(as_json(comparison))
    by_label = {entry.label: entry for entry in entries}
    for row in content["rows"]:
        entry = by_label[row["method"]]
        row["paper"] = entry.paper
        row["legacy_best_test_epoch"] = _finite(entry.legacy and entry.legacy.mean)
        row["sampling_error"] = _finite(entry.sampling)
    content["notes"] = list(notes)
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _markdown_row(cells: Sequence[str]) -> str:
    safe = (re.sub(r"([\\|<>*_`])", r"\\\1", cell) for cell in cells)
    return f"| {' | '.join(safe)} |"


def _tex(cell: str) -> str:
    return "".join(TEX.get(mark, mark) for mark in cell)
