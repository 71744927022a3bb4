"""Experiment trackers that follow a run: TensorBoard, Weights & Biases, MLflow."""

from .follow import Trackers
from .names import known_names
from .record import forget

__all__ = ["Trackers", "forget", "known_names"]
