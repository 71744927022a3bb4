"""Many runs as one job."""

from .jobs import run_all
from .quickstart import quickstart

__all__ = ["quickstart", "run_all"]
