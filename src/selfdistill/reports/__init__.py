"""What finished runs show beside each other; reads run directories or their summaries only."""

from typing import TYPE_CHECKING

from .comparison import Comparison, compare
from .exits import exit_table
from .html_table import as_html
from .records import as_csv, as_json
from .rows import group
from .runs import Summary, read
from .table import as_markdown, as_table, as_text

if TYPE_CHECKING:
    from .page import write_report

__all__ = [
    "Comparison",
    "Summary",
    "as_csv",
    "as_html",
    "as_json",
    "as_markdown",
    "as_table",
    "as_text",
    "compare",
    "exit_table",
    "group",
    "read",
    "write_report",
]


def __getattr__(name: str) -> object:
    if name == "write_report":  # what it draws with takes a second to load
        from .page import write_report

        return write_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
