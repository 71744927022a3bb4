"""Training: recipes, the loop, checkpoints and run directories."""

from .failures import Failure
from .options import Settings, as_today, fingerprint, parse
from .run import identity, train

__all__ = ["Failure", "Settings", "as_today", "fingerprint", "identity", "parse", "train"]
