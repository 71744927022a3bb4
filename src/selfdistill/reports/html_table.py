"""A comparison as an HTML table, for notebooks."""

from collections.abc import Sequence
from html import escape

from ..terminal import shown
from .comparison import Comparison
from .table import columns_of


def as_html(comparison: Comparison) -> str:
    """Render as a table with its notes below; names are escaped."""
    columns = columns_of(comparison)
    head = _row("th", [column.title for column in columns])
    rows = [_row("td", [column.cell(line) for column in columns]) for line in comparison.lines]
    notes = "".join(f"<li>{escape(shown(note))}</li>" for note in comparison.notes)
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table><ul>{notes}</ul>"


def _row(tag: str, cells: Sequence[str]) -> str:
    marked = [f"<{tag}>{escape(shown(cell)).replace(chr(10), '<br>')}</{tag}>" for cell in cells]
    return f"<tr>{''.join(marked)}</tr>"
