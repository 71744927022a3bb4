"""Ways of training a backbone, one paper a file.

To be listed in ``METHODS`` is to be offered by the command line and put through the contract
battery; tests then ask for all else that CONTRIBUTING.md says a method owes.
"""

from .base import Context, Images, Inspection, Labels, Method, Output
from .byot import BYOT
from .cross_entropy import CrossEntropy
from .cs_kd import CSKD
from .ddgsd import DDGSD
from .dlb import DLB
from .frskd import FRSKD
from .kd import KD
from .loth import LOTH
from .ps_kd import PSKD
from .ranges import OutOfRange
from .rotation_exits import RotationExits
from .skdsam import SKDSAM
from .skdsam_released import SKDSAMReleased
from .sla_sd import SLASD
from .zipf_ls import ZipfLS

METHODS: tuple[type[Method], ...] = (
    CrossEntropy,
    KD,
    DDGSD,
    BYOT,
    CSKD,
    SLASD,
    FRSKD,
    PSKD,
    DLB,
    ZipfLS,
    RotationExits,
    LOTH,
    SKDSAM,
    SKDSAMReleased,
)

__all__ = [
    "BYOT",
    "CSKD",
    "DDGSD",
    "DLB",
    "FRSKD",
    "KD",
    "LOTH",
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
    "OutOfRange",
    "Output",
    "RotationExits",
    "SKDSAMReleased",
    "ZipfLS",
]
