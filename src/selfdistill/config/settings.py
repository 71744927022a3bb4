"""A recipe, its execution and what was passed in Python as one value."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..backbones import Backbone
from ..runs import RunDirectory
from . import parser, python_objects
from .merging import Plain, section
from .recipe import Recipe
from .schema import PASSED, Execution, Ingredients
from .user_code import refuse_own_code
from .words import read_options

NOWHERE: Mapping[str, str] = {}


class Settings(NamedTuple):
    """A run's settings, as objects to work with and as plain values to write down."""

    recipe: Ingredients
    place: Execution
    resolved: Plain
    """The recipe as plain values, without what says where data lie."""
    whereabouts: dict[str, str]
    """Options that say where images and trained weights lie, which no number depends on."""
    name: str
    """What the recipe is called: the configuration's name."""
    note: str
    """Which recipe was chosen, where none was asked for; empty otherwise."""
    backbone: Backbone | None = None
    """A network that was passed in Python, and is trained in place of the recipe's."""


def parse(argv: list[str], whereabouts: Mapping[str, str] = NOWHERE) -> Settings:
    """Read settings: what the words say counts more than what recipes say, in whatever order."""
    if not whereabouts:
        return settings_from(*parser.parse(argv))
    recipe, where = parser.separate(read_options(argv))
    execution = parser.read_execution(where)
    base = Recipe.from_options(
        [o for o in recipe if o[0] == "config"],
        incomplete=True,
        allow_own_code=execution.allow_own_code,
    )
    base = replace(base, paths={**base.paths, **whereabouts})
    changes = dict(o for o in recipe if o[0] != "config")
    return settings_from(base.override(changes), execution)


def settings_of(**asked: object) -> Settings:
    """The settings that names, objects and options stand for."""
    call = python_objects.read_call(**asked)  # pyright: ignore
    settings = settings_from(call.recipe, call.execution, call.data)
    return settings._replace(backbone=call.backbone)


def settings_from(recipe: Recipe, execution: Execution, data: object = None) -> Settings:
    return Settings(
        recipe.build(data),  # pyright: ignore
        execution,
        dict(recipe.values),
        dict(recipe.paths),
        recipe.name,
        recipe.note,
    )


def as_today(stored: Plain, *, own_code: Mapping[str, str] | None, where: Path) -> Plain:
    """A stored recipe, with what later versions added to recipes at its default."""
    recipe = Recipe.from_dict(stored, upgrade=True, own_code=own_code, where=where)
    return dict(recipe.values)


def fingerprint(resolved: Plain, *, with_seed: bool = True) -> str:
    """A short hash of a resolved recipe; the split's own hash is left out."""
    return Recipe(resolved).hash(with_seed=with_seed)


def method_name(resolved: Plain) -> str:
    """The method's plain name."""
    return Recipe(resolved).method


def check_own_code(run: RunDirectory, words: list[str]) -> None:
    """Refuse to run files that a run's recipe names, unless they are its own or words allow it."""
    _, where = parser.separate(read_options(words))
    if not parser.read_execution(where).allow_own_code:
        refuse_own_code(run.read_recipe() or {}, run.own_code(), run.recipe_file)


def without_passed(stored: Plain) -> tuple[Plain, Plain]:
    """Take a stored recipe apart: what options can say, and what only Python can."""
    passed: Plain = {
        name: stored[name]
        for name, key in (("data", "class_path"), ("backbone", "name"))
        if section(stored, name).get(key) == PASSED
    }
    recipe = {k: v for k, v in stored.items() if k not in (*passed, "format", "split")}
    return recipe, passed
