"""Predictions and how good they are."""

from .metrics import Scores, score
from .predict import Predictions, evaluating, predict

__all__ = ["Predictions", "Scores", "evaluating", "predict", "score"]
