"""What finished runs show beside each other; reads run directories or their summaries only."""

from .comparison import Comparison, compare
from .exits import exit_table
from .runs import Row, Summary, group, read
from .table import as_csv, as_json, as_markdown, as_table, as_text

__all__ = [
    "Comparison",
    "Row",
    "Summary",
    "as_csv",
    "as_json",
    "as_markdown",
    "as_table",
    "as_text",
    "compare",
    "exit_table",
    "group",
    "read",
]
