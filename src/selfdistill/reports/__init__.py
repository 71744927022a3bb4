"""Finished runs beside each other; reads run directories or their summaries only.

What draws figures is imported from ``reports.page`` and ``reports.stages``: matplotlib takes a
second to load.
"""

from .comparison import Comparison, compare
from .inspected import InspectedImage, Stage
from .reader import read
from .render import as_csv, as_html, as_json, as_markdown, as_table, as_text
from .row import Row
from .run import Run
from .score_tables import corruption_table, exit_table
from .text import headline

__all__ = [
    "Comparison",
    "InspectedImage",
    "Row",
    "Run",
    "Stage",
    "as_csv",
    "as_html",
    "as_json",
    "as_markdown",
    "as_table",
    "as_text",
    "compare",
    "corruption_table",
    "exit_table",
    "headline",
    "read",
]
