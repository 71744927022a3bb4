"""Training: the loop, checkpoints and run directories."""

from ..config import Settings, as_today, fingerprint, own_code, parse, refuse_own_code
from ..failures import Failure
from ..runs import RunDirectory
from .run import identities, number_format, train

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
    "train",
]
