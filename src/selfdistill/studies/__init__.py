"""Many runs as one job."""

from .found import Found, found
from .grid import Study, above, is_study, load
from .quickstart import quickstart
from .study import Engine, Outcome, StudyRunner

__all__ = [
    "Engine",
    "Found",
    "Outcome",
    "Study",
    "StudyRunner",
    "above",
    "found",
    "is_study",
    "load",
    "quickstart",
]
