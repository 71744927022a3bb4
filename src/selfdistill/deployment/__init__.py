"""Trained networks as files that load without their training, and networks that stop early."""

from .exit_graph import ExitCost, ExitGraph
from .model import ClassProbability, Model, load
from .model_folder import contiguous, model_files
from .probabilities import (
    UNSCALED,
    Probabilities,
    fit_probabilities,
    parse_probabilities,
    read_probabilities,
)
from .stagewise import EarlyLogits, StagewiseNetwork

__all__ = [
    "UNSCALED",
    "ClassProbability",
    "EarlyLogits",
    "ExitCost",
    "ExitGraph",
    "Model",
    "Probabilities",
    "StagewiseNetwork",
    "contiguous",
    "fit_probabilities",
    "load",
    "model_files",
    "parse_probabilities",
    "read_probabilities",
]
