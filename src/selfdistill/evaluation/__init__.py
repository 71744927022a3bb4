"""Predictions, how good they are, what they cost, and where a network looks."""

from .abstention import RiskTable, images_needed, risk_table
from .activation import Activation, NetworkActivation, class_activation, network_activation
from .corruptions import accuracy_by_corruption
from .hardware import (
    Precision,
    PrecisionChoice,
    choose_device,
    place,
    possible_precisions,
    processor_name,
)
from .inference import Predictions, evaluating, join, predict
from .macs import macs_per_exit
from .metrics import ClassScores, Scores, score, score_classes
from .suspects import suspect_labels
from .temperature import cross_scaled, fit_temperature

__all__ = [
    "Activation",
    "ClassScores",
    "NetworkActivation",
    "Precision",
    "PrecisionChoice",
    "Predictions",
    "RiskTable",
    "Scores",
    "accuracy_by_corruption",
    "choose_device",
    "class_activation",
    "cross_scaled",
    "evaluating",
    "fit_temperature",
    "images_needed",
    "join",
    "macs_per_exit",
    "network_activation",
    "place",
    "possible_precisions",
    "predict",
    "processor_name",
    "risk_table",
    "score",
    "score_classes",
    "suspect_labels",
]
