"""Predictions, how good they are, what they cost, and where a network looks."""

from .abstention import CONFIDENCE, RiskTable, images_needed, risk_table
from .activation import Activation, NetworkActivation, class_activation, network_activation
from .corruptions import accuracy_by_corruption
from .early import (
    NEVER,
    EarlyScore,
    ExitAnswers,
    early_score,
    exits_taken,
    fit_risk,
    trade_off,
)
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
from .metrics import ClassScores, Scores, label_ranks, score, score_classes
from .suspects import suspect_labels
from .temperature import MAX_TEMPERATURE, MIN_TEMPERATURE, cross_scaled, fit_temperature

__all__ = [
    "CONFIDENCE",
    "MAX_TEMPERATURE",
    "MIN_TEMPERATURE",
    "NEVER",
    "Activation",
    "ClassScores",
    "EarlyScore",
    "ExitAnswers",
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
    "early_score",
    "evaluating",
    "exits_taken",
    "fit_risk",
    "fit_temperature",
    "images_needed",
    "join",
    "label_ranks",
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
    "trade_off",
]
