"""Finished runs beside each other; reads run directories or their summaries only.

What draws is imported from ``reports.page``, ``reports.run_page``, ``reports.stages`` and
``reports.opinion``, and the model card from ``reports.model_card``: matplotlib and the hub's client
take a second to load.
"""

from .comparison import Comparison, Row, compare
from .early_exits import EarlyReport, ExitRow, Whole, early_figure, early_json, early_table
from .ending import describe_end
from .examined import ExaminedPicture, ExaminedRun, Scaled, pictures_shown
from .inspected import (
    InspectedImage,
    Stage,
    class_table,
    corruption_table,
    exit_table,
    stages_json,
    stages_table,
)
from .read_run import read
from .run import ClassScore, StoredRun
from .table import as_csv, as_html, as_json, as_markdown, as_table, as_text
from .text import headline

__all__ = [
    "ClassScore",
    "Comparison",
    "EarlyReport",
    "ExaminedPicture",
    "ExaminedRun",
    "ExitRow",
    "InspectedImage",
    "Row",
    "Scaled",
    "Stage",
    "StoredRun",
    "Whole",
    "as_csv",
    "as_html",
    "as_json",
    "as_markdown",
    "as_table",
    "as_text",
    "class_table",
    "compare",
    "corruption_table",
    "describe_end",
    "early_figure",
    "early_json",
    "early_table",
    "exit_table",
    "headline",
    "pictures_shown",
    "read",
    "stages_json",
    "stages_table",
]
