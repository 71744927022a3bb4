"""Configuration: recipes, from words, files and Python objects, and what they are made of."""

from .merging import Options
from .parser import Command, parse, read_changes, read_command
from .recipe import Recipe
from .schema import BackboneChoice, Execution, Ingredients
from .user_code import own_code, refuse_own_code

__all__ = [
    "BackboneChoice",
    "Command",
    "Execution",
    "Ingredients",
    "Options",
    "Recipe",
    "own_code",
    "parse",
    "read_changes",
    "read_command",
    "refuse_own_code",
]
