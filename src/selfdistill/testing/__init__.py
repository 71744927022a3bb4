"""What every training method must keep, as checks: for the methods here and for anybody's.

Example:
    >>> check_method(MyMethod)
"""

from .contract import CHECKS, check_method
from .execution import check_compile, check_two_processes
from .gradients import check_reaches, reached
from .tiny import TinyBackbone
from .trial import Build

__all__ = [
    "CHECKS",
    "Build",
    "TinyBackbone",
    "check_compile",
    "check_method",
    "check_reaches",
    "check_two_processes",
    "reached",
]
