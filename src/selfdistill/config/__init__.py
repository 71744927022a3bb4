"""Configuration: recipes, from words, files and Python objects, and what they are made of."""

from .errors import naming_option
from .merging import Options
from .own_images import OWN_IMAGES, own_name
from .provenance import held_out_hash, pictures_hash, weights_hash
from .python_objects import Images, Learning, checked_options, settings_of
from .recipe import Recipe, Settings
from .registry import class_options, exact_name, find_class, nearest
from .schema import PASSED, Adversary, BackboneChoice, CompileChoice, Execution, Ingredients
from .user_code import is_own_file, network_maker, own_code, refuse_own_code
from .words import (
    full_name,
    parse,
    read_changes,
    read_execution,
    read_options,
    read_settings,
    separate,
    spelled,
    train_command,
)

__all__ = [
    "OWN_IMAGES",
    "PASSED",
    "Adversary",
    "BackboneChoice",
    "CompileChoice",
    "Execution",
    "Images",
    "Ingredients",
    "Learning",
    "Options",
    "Recipe",
    "Settings",
    "checked_options",
    "class_options",
    "exact_name",
    "find_class",
    "full_name",
    "held_out_hash",
    "is_own_file",
    "naming_option",
    "nearest",
    "network_maker",
    "own_code",
    "own_name",
    "parse",
    "pictures_hash",
    "read_changes",
    "read_execution",
    "read_options",
    "read_settings",
    "refuse_own_code",
    "separate",
    "settings_of",
    "spelled",
    "train_command",
    "weights_hash",
]
