"""Many runs as one job."""

from .grid import Study, load
from .quickstart import quickstart
from .study import Outcome, StudyRunner

__all__ = ["Outcome", "Study", "StudyRunner", "load", "quickstart"]
