"""Configuration: recipes, from words, files and Python objects, and what they are made of."""

from .merging import Options
from .own_images import own_name
from .parser import (
    parse,
    read_changes,
    read_execution,
    read_settings,
    separate,
)
from .provenance import weights_hash
from .recipe import Recipe
from .registry import class_options, exact_name
from .schema import BackboneChoice, Execution, Ingredients
from .settings import Settings
from .user_code import own_code, refuse_own_code
from .words import read_options, spelled, train_command

__all__ = [
    "BackboneChoice",
    "Execution",
    "Ingredients",
    "Options",
    "Recipe",
    "Settings",
    "class_options",
    "exact_name",
    "own_code",
    "own_name",
    "parse",
    "read_changes",
    "read_execution",
    "read_options",
    "read_settings",
    "refuse_own_code",
    "separate",
    "spelled",
    "train_command",
    "weights_hash",
]
