"""The recipes that options name, opened and laid over each other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import recipes
from ..runs import RunDirectory, read_yaml
from .check_fields import check_fields
from .merging import Options, merge
from .resolving import weights
from .schema import Execution
from .typed import Plain
from .user_code import refuse_own_code


@dataclass(frozen=True)
class OpenedRecipes:
    """What recipes say before options do: later ones laid over earlier ones."""

    tree: Plain = field(default_factory=dict[str, object])
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where a run's own recipe says its data lie."""
    name: str = "custom"
    weights: Mapping[str, str] = field(default_factory=dict[str, str])
    """Hashes of the trained weights that it names, by option."""
    files: Mapping[Path, Plain] = field(default_factory=dict[Path, Plain])
    """What each file says."""


def open_recipes(options: Options, *, allow_own_code: bool) -> OpenedRecipes:
    """Read the recipes that options name.

    Raises:
        ValueError: If one is none, or names code that may not be run.
    """
    tree: Plain = {}
    paths: dict[str, str] = {}
    named: dict[str, str] = {}
    files: dict[Path, Plain] = {}
    name = "custom"
    for value in (str(value) for option, value in options if option == "config"):
        if value.startswith("{"):
            tree = merge(tree, _read_json(value))
            continue
        file, shipped = recipes.find(value), value.lower() in recipes.names()
        name = value.lower() if shipped else file.stem
        recipe = _read_recipe(file)
        run = RunDirectory(file.parent)
        if not allow_own_code:
            refuse_own_code(recipe, run.own_code(), file)
        if not shipped:
            files[file] = recipe
        tree = merge(tree, recipe)
        named |= weights(recipe)
        paths |= run.read_paths()
    return OpenedRecipes(tree, paths, name, named, files)


def _read_json(text: str) -> Plain:
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--config {text:.40}: it is not valid JSON ({error})") from None
    check_fields(recipe, "--config")
    return recipe


def _read_recipe(file: Path) -> Plain:
    """What decides numbers, of a file that says nothing else.

    Raises:
        ValueError: If it is not a recipe, or says where a run is computed.
    """
    recipe = {k: v for k, v in read_yaml(file).values.items() if k not in ("format", "split")}
    fields = Execution.__dataclass_fields__
    misplaced = [field for field in recipe if field.replace("-", "_") in fields]
    if misplaced:
        raise ValueError(
            f"{file}: {misplaced[0]} does not belong into a recipe, which says what is computed "
            f"and not where: leave it out, and give --{misplaced[0].replace('_', '-')} yourself"
        )
    check_fields(recipe, file)
    return recipe
