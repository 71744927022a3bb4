"""Experiment trackers that follow a run: TensorBoard, Weights & Biases, MLflow."""

from .base import known_names
from .replay import Trackers, forget

__all__ = ["Trackers", "forget", "known_names"]
