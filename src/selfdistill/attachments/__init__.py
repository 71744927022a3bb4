"""What is bolted on for training and thrown away afterwards."""

from .bifpn import BiFPN
from .block_attention import BlockAttention
from .exits import Exit, ExitKind, Exits, build_exits
from .frozen import Conversion, Frozen

__all__ = [
    "BiFPN",
    "BlockAttention",
    "Conversion",
    "Exit",
    "ExitKind",
    "Exits",
    "Frozen",
    "build_exits",
]
