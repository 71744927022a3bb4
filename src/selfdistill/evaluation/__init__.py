"""Predictions, how good they are, what they cost, and where a network looks."""

from .activation import Activation, class_activation
from .corruption_accuracy import accuracy_by_corruption
from .device import choose_device, place
from .inference import Predictions, evaluating, join, predict
from .macs import macs_per_exit
from .metrics import Scores, score
from .precision import Format, Precision, processor_name

__all__ = [
    "Activation",
    "Format",
    "Precision",
    "Predictions",
    "Scores",
    "accuracy_by_corruption",
    "choose_device",
    "class_activation",
    "evaluating",
    "join",
    "macs_per_exit",
    "place",
    "predict",
    "processor_name",
    "score",
]
