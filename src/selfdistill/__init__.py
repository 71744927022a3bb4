"""Self-knowledge distillation: image classifiers that teach themselves.

Names load when they are first used, so that importing the package costs nothing.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING

from .version import __version__ as __version__

# huggingface_hub reads this when it is imported; else each request tells of what is installed here.
if "HF_HUB_DISABLE_TELEMETRY" not in os.environ:
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if _constants := sys.modules.get("huggingface_hub.constants"):
        vars(_constants)["HF_HUB_DISABLE_TELEMETRY"] = True

if TYPE_CHECKING:
    from . import testing as testing
    from .api import Run as Run
    from .api import compare as compare
    from .api import train as train
    from .backbones import Backbone as Backbone
    from .backbones import Tapped as Tapped
    from .backbones import create_backbone as create_backbone
    from .data import ImageSet as ImageSet
    from .loading import load as load
    from .methods import BYOT as BYOT
    from .methods import CSKD as CSKD
    from .methods import DDGSD as DDGSD
    from .methods import DLB as DLB
    from .methods import FRSKD as FRSKD
    from .methods import KD as KD
    from .methods import LOTH as LOTH
    from .methods import PSKD as PSKD
    from .methods import SKDSAM as SKDSAM
    from .methods import SLASD as SLASD
    from .methods import CrossEntropy as CrossEntropy
    from .methods import Method as Method
    from .methods import Output as Output
    from .methods import RotationExits as RotationExits
    from .methods import SKDSAMReleased as SKDSAMReleased
    from .methods import ZipfLS as ZipfLS

_HOMES = {
    "api": ("Run", "compare", "train"),
    "data": ("ImageSet",),
    "loading": ("load",),
    "backbones": ("Backbone", "Tapped", "create_backbone"),
    "methods": (
        "BYOT",
        "CSKD",
        "DDGSD",
        "DLB",
        "FRSKD",
        "KD",
        "LOTH",
        "PSKD",
        "SKDSAM",
        "SLASD",
        "CrossEntropy",
        "Method",
        "Output",
        "RotationExits",
        "SKDSAMReleased",
        "ZipfLS",
    ),
}
_HOME = {name: room for room, names in _HOMES.items() for name in names}

__all__ = [*_HOME, "testing"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name == "testing":
        return importlib.import_module(".testing", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
