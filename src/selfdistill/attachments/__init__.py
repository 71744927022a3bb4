"""What is bolted on for training and thrown away afterwards."""

from .attention_controls import (
    FIXED_KINDS,
    AttentionKind,
    BatchMeanAttention,
    FixedAttention,
    fuse,
    stage_weights,
)
from .bifpn import BiFPN
from .exits import Exit, ExitKind, Exits, build_exits, pool_to
from .frozen import Conversion, Frozen
from .stage_attention import StageAttention

__all__ = [
    "FIXED_KINDS",
    "AttentionKind",
    "BatchMeanAttention",
    "BiFPN",
    "Conversion",
    "Exit",
    "ExitKind",
    "Exits",
    "FixedAttention",
    "Frozen",
    "StageAttention",
    "build_exits",
    "fuse",
    "pool_to",
    "stage_weights",
]
