"""Trained networks as files that load without their training."""

from .model import ClassProbability, Model, load
from .model_folder import contiguous, model_files

__all__ = ["ClassProbability", "Model", "contiguous", "load", "model_files"]
