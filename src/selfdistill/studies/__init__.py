"""Many runs as one job."""

from .grid import Study, load
from .quickstart import quickstart
from .study import Engine, Outcome, StudyRunner

__all__ = ["Engine", "Outcome", "Study", "StudyRunner", "load", "quickstart"]
