"""Training: from the settings of a run to its finished directory."""

from .engine import threads_used
from .number_format import choose_number_format, identities
from .train import train

__all__ = [
    "choose_number_format",
    "identities",
    "threads_used",
    "train",
]
