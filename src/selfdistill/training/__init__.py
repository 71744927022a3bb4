"""Training: recipes, the loop, checkpoints and run directories."""

from ..failures import Failure
from ..runs import RunDirectory
from .class_paths import own_code, refuse_own_code
from .options import Settings, as_today, fingerprint, parse
from .resuming import differing
from .run import identities, number_format, train

__all__ = [
    "Failure",
    "RunDirectory",
    "Settings",
    "as_today",
    "differing",
    "fingerprint",
    "identities",
    "number_format",
    "own_code",
    "parse",
    "refuse_own_code",
    "train",
]
