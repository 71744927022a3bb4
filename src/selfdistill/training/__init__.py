"""Training: the loop, checkpoints and run directories."""

from ..failures import Failure
from ..runs import RunDirectory
from .engine import threads_used
from .naming import identities
from .speed import number_format
from .train import train

__all__ = [
    "Failure",
    "RunDirectory",
    "identities",
    "number_format",
    "threads_used",
    "train",
]
