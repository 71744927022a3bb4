"""What every training method must keep, as checks: for the methods here and for anybody's.

Example:
    >>> check_method(MyMethod)
"""

from .contract import CHECKS, Build, check_compile, check_method
from .distributed import check_two_processes
from .gradients import check_reaches, reached
from .tiny import TinyBackbone

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
