"""Trained networks as files that give the same answers without this package."""

from .classifier import trace
from .network import ExportedNetwork
from .onnx_file import onnx_bytes, require_onnx
from .parity import MAX_DIFFERENCE, Disparity, Parity, check_parity
from .program_file import program_bytes
from .reading import ENDINGS, load_content, load_file

__all__ = [
    "ENDINGS",
    "MAX_DIFFERENCE",
    "Disparity",
    "ExportedNetwork",
    "Parity",
    "check_parity",
    "load_content",
    "load_file",
    "onnx_bytes",
    "program_bytes",
    "require_onnx",
    "trace",
]
