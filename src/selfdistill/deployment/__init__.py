"""Trained networks as files that load without their training."""

from .model import Guess, Model, load
from .model_folder import model_files

__all__ = ["Guess", "Model", "load", "model_files"]
