"""All promises: whoever imports this has them registered."""

from . import corruption, kills
from .attempts import PROMISES, Ground, attack, tasks

__all__ = ["PROMISES", "Ground", "attack", "corruption", "kills", "tasks"]
