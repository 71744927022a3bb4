"""Training: the loop, checkpoints and run directories."""

from ..config import own_code, refuse_own_code
from ..config.settings import Settings, as_today, fingerprint, parse
from ..failures import Failure
from ..runs import RunDirectory
from .engine import threads_used
from .naming import identities
from .speed import number_format
from .train import train

__all__ = [
    "Failure",
    "RunDirectory",
    "Settings",
    "as_today",
    "fingerprint",
    "identities",
    "number_format",
    "own_code",
    "parse",
    "refuse_own_code",
    "threads_used",
    "train",
]
