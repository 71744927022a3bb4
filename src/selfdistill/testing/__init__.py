"""What every method and every augmentation must keep, as checks: for those here and anybody's.

Examples:
    >>> check_method(MyMethod)
    >>> check_augmentation(MyAugmentation)
"""

from .augmentation import check_augmentation
from .contract import CHECKS, check_method
from .execution import check_compile, check_two_processes
from .gradients import check_reaches, reached
from .tiny import TinyBackbone
from .trial import Build

__all__ = [
    "CHECKS",
    "Build",
    "TinyBackbone",
    "check_augmentation",
    "check_compile",
    "check_method",
    "check_reaches",
    "check_two_processes",
    "reached",
]
