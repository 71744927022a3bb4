"""What is bolted on for training and thrown away afterwards."""

from .attention_controls import (
    FIXED_KINDS,
    AttentionKind,
    BatchMeanShares,
    block_weights,
    fixed_shares,
    fuse,
)
from .bifpn import BiFPN
from .block_attention import BlockAttention
from .exits import Exit, ExitKind, Exits, build_exits, pool_to
from .frozen import Conversion, Frozen

__all__ = [
    "FIXED_KINDS",
    "AttentionKind",
    "BatchMeanShares",
    "BiFPN",
    "BlockAttention",
    "Conversion",
    "Exit",
    "ExitKind",
    "Exits",
    "Frozen",
    "block_weights",
    "build_exits",
    "fixed_shares",
    "fuse",
    "pool_to",
]
