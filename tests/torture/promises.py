"""All promises: whoever imports this has them registered."""

from . import (  # noqa: F401
    archives,
    corruption,
    folders,
    fuzz,
    kills,
    names,
    numbers,
    pictures,
    signals,
    storage,
    strangers,
)
from .attempts import PROMISES, Ground, attack, tasks

__all__ = ["PROMISES", "Ground", "attack", "tasks"]
