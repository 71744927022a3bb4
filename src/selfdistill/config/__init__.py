"""Configuration: recipes, from words, files and Python objects, and what they are made of."""

from .merging import Options
from .own_images import own_name
from .parser import (
    Command,
    parse,
    read_changes,
    read_command,
    read_execution,
    separate,
)
from .provenance import weights_hash
from .recipe import Recipe
from .registry import class_options, exact_name
from .schema import BackboneChoice, Execution, Ingredients
from .user_code import own_code, refuse_own_code
from .words import read_options, spelled, train_command

__all__ = [
    "BackboneChoice",
    "Command",
    "Execution",
    "Ingredients",
    "Options",
    "Recipe",
    "class_options",
    "exact_name",
    "own_code",
    "own_name",
    "parse",
    "read_changes",
    "read_command",
    "read_execution",
    "read_options",
    "refuse_own_code",
    "separate",
    "spelled",
    "train_command",
    "weights_hash",
]
