"""Training: recipes, the loop, checkpoints and run directories."""

from .failures import Failure
from .options import Settings, parse
from .run import identity, train

__all__ = ["Failure", "Settings", "identity", "parse", "train"]
