"""Trained networks as files that load without their training, published, and that stop early."""

from .early import EarlyExits
from .exit_graph import ExitCost, ExitGraph
from .exit_rule import ExitPromise, ExitRule, PromiseKind, read_exit_rule, write_exit_rule
from .hub import HUB, is_on_hub
from .model import ClassProbability, Model, load
from .model_folder import contiguous, model_files
from .probabilities import (
    UNSCALED,
    Probabilities,
    confidence,
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
    "EarlyExits",
    "EarlyLogits",
    "ExitCost",
    "ExitGraph",
    "ExitPromise",
    "ExitRule",
    "Model",
    "Probabilities",
    "PromiseKind",
    "StagewiseNetwork",
    "confidence",
    "contiguous",
    "fit_probabilities",
    "is_on_hub",
    "load",
    "model_files",
    "parse_probabilities",
    "push",
    "read_exit_rule",
    "read_probabilities",
    "repository_files",
    "write_exit_rule",
]
