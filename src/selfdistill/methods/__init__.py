"""Ways of training a backbone, one paper a file.

To be listed in ``METHODS`` is to be tested, documented and offered by the command line.
"""

from .base import Context, Images, Inspection, Labels, Method, Output
from .byot import BYOT
from .cross_entropy import CrossEntropy
from .cs_kd import CSKD
from .ddgsd import DDGSD
from .frskd import FRSKD
from .kd import KD
from .ps_kd import PSKD
from .skdsam import SKDSAM
from .skdsam_released import SKDSAMReleased
from .sla_sd import SLASD

METHODS: tuple[type[Method], ...] = (
    CrossEntropy,
    KD,
    DDGSD,
    BYOT,
    CSKD,
    SLASD,
    FRSKD,
    PSKD,
    SKDSAM,
    SKDSAMReleased,
)

__all__ = [
    "BYOT",
    "CSKD",
    "DDGSD",
    "FRSKD",
    "KD",
    "METHODS",
    "PSKD",
    "SKDSAM",
    "SLASD",
    "Context",
    "CrossEntropy",
    "Images",
    "Inspection",
    "Labels",
    "Method",
    "Output",
    "SKDSAMReleased",
]
