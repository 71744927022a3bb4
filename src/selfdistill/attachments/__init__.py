"""What is bolted on for training and thrown away afterwards."""

from .attention import BlockAttention
from .exits import Exit, ExitKind, build_exits

__all__ = ["BlockAttention", "Exit", "ExitKind", "build_exits"]
