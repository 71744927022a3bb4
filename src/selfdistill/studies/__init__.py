"""Many runs as one job.

What needs torch is loaded when it is first used: whether a name is a study's is asked, and a
misspelt one refused, without.
"""

import importlib
from typing import TYPE_CHECKING

from .grid import Study
from .study_files import default_out, is_study, load

if TYPE_CHECKING:
    from .for_reports import ReportRuns, runs_for_report
    from .from_options import write_study
    from .layout import StudyLayout
    from .runner import Backend, Outcome, StudyRunner

_HOME = {
    "ReportRuns": "for_reports",
    "runs_for_report": "for_reports",
    "Backend": "runner",
    "Outcome": "runner",
    "StudyLayout": "layout",
    "StudyRunner": "runner",
    "write_study": "from_options",
}

__all__ = [
    "Backend",
    "Outcome",
    "ReportRuns",
    "Study",
    "StudyLayout",
    "StudyRunner",
    "default_out",
    "is_study",
    "load",
    "runs_for_report",
    "write_study",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
