"""What is bolted on for training and thrown away afterwards."""

from .attention import BlockAttention
from .bifpn import BiFPN
from .exits import Exit, ExitKind, build_exits
from .frozen import Conversion, Frozen

__all__ = ["BiFPN", "BlockAttention", "Conversion", "Exit", "ExitKind", "Frozen", "build_exits"]
