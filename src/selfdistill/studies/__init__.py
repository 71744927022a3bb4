"""Many runs as one job."""

from .grid import Study, load
from .quickstart import quickstart
from .study import Outcome, run_study

__all__ = ["Outcome", "Study", "load", "quickstart", "run_study"]
