"""Ways of training a backbone, one paper a file.

To be listed in ``METHODS`` is to be tested, documented and offered by the command line.
"""

from .base import Context, Inspection, Method, Output
from .byot import BYOT
from .cross_entropy import CrossEntropy
from .skdsam import SKDSAM
from .skdsam_released import SKDSAMReleased

METHODS: tuple[type[Method], ...] = (CrossEntropy, BYOT, SKDSAM, SKDSAMReleased)

__all__ = [
    "BYOT",
    "METHODS",
    "SKDSAM",
    "Context",
    "CrossEntropy",
    "Inspection",
    "Method",
    "Output",
    "SKDSAMReleased",
]
