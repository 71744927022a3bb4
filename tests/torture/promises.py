"""All promises: whoever imports this has them registered."""

from . import (  # noqa: F401
    archives,
    corruption,
    folders,
    fuzz,
    kills,
    names,
    numbers,
    pages,
    pictures,
    ranks,
    signals,
    soak,
    storage,
    strangers,
    studies,
)
from .attempts import PROMISES, Ground, attack, tasks

__all__ = ["PROMISES", "Ground", "attack", "tasks"]
