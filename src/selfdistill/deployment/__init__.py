"""Trained networks as files that load without their training, published, and that stop early."""

from .exit_graph import ExitCost, ExitGraph
from .hub import HUB, is_on_hub
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
from .upload import push, repository_files

__all__ = [
    "HUB",
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
    "is_on_hub",
    "load",
    "model_files",
    "parse_probabilities",
    "push",
    "read_probabilities",
    "repository_files",
]
