"""The results table of a report, for the page and for papers."""

from collections.abc import Sequence

from ..terminal import shown, shown_name
from .content import Table
from .entries import Entry
from .lines import Comparison
from .table import columns_of

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


def caption(split: str) -> str:
    """What the table shows."""
    return (
        f"Top-1 accuracy on the {split} split after the last epoch, mean ± standard deviation "
        "over seeds."
    )


def results_table(entries: Sequence[Entry], split: str) -> Table:
    """The table as cells."""
    return _cells(Comparison(split, tuple(entry.line for entry in entries)))


def as_latex(comparison: Comparison) -> str:
    """Render for LaTeX; needs the package ``booktabs``."""
    table = _cells(comparison)
    alignment = "".join("l" if i in table.words else "r" for i in range(len(table.columns)))
    rows = [" & ".join(map(_tex, row)) + r" \\" for row in (table.columns, *table.rows)]
    return "\n".join(
        [
            *(f"% {shown_name(note)}" for note in comparison.notes),
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


def _cells(comparison: Comparison) -> Table:
    columns = columns_of(comparison, "report")
    return Table(
        caption=caption(comparison.split),
        columns=tuple(column.title for column in columns),
        rows=tuple(tuple(column.cell(line) for column in columns) for line in comparison.lines),
        words=frozenset(i for i, column in enumerate(columns) if column.words),
    )


def _tex(cell: str) -> str:
    return "".join(TEX.get(mark, mark) for mark in shown(cell))
