"""Predictions and how good they are."""

from .metrics import Scores, score
from .predict import Predictions, predict

__all__ = ["Predictions", "Scores", "predict", "score"]
