"""Recipes that options name, opened and laid over each other, and the options over them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import recipes
from ..runs import RunDirectory, read_yaml
from .check_fields import check_fields
from .merging import Options, accepted, choose_classes, merge, put, section, settle
from .own_images import fit_size, own_name
from .resolving import FIELDS, Reading, fit_warmup, read_recipe, weights
from .schema import Execution
from .typed import Plain
from .user_code import refuse_own_code

OPTION = re.compile(r"(?:unknown option )?--([\w.-]+\w)|(\w+)=")
"""How a message begins that is about an option."""


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
    """What decides numbers, of a file that says nothing else."""
    recipe = {k: v for k, v in read_yaml(file).values.items() if k not in ("format", "split")}
    misplaced = [f for f in recipe if f.replace("-", "_") in Execution.__dataclass_fields__]
    if misplaced:
        raise ValueError(
            f"{file}: {misplaced[0]} does not belong into a recipe, which says what is computed "
            f"and not where: leave it out, and give --{misplaced[0].replace('_', '-')} yourself"
        )
    check_fields(recipe, file)
    return recipe


def compose(
    opened: OpenedRecipes, options: Options, *, incomplete: bool = False
) -> tuple[Reading, str]:
    """What files and options say together, and its name; options count more, wherever they stand.

    Raises:
        ValueError: If something is misspelt, missing or impossible; where no option says it, the
            file that does comes first.
    """
    choices, others = settle(options)
    kept = {k: v for k, v in opened.weights.items() if k not in dict(options)}
    try:
        tree = fit_warmup(choose_classes(opened.tree, choices), dict(others))
        tree = put(tree, path_options(accepted(opened.paths, tree)))
        tree = fit_size(put(tree, others))
        reading = read_recipe(tree, incomplete=incomplete, of_file=bool(opened.files))
        _check_weights(reading, kept)
    except ValueError as error:
        raise ValueError(_with_file(str(error), opened, options)) from error
    own = own_name(section(reading.values, "data").get("class_path"), reading.paths)
    return reading, opened.name if own is None else f"{opened.name}/{own}"


def path_options(paths: Mapping[str, str]) -> Options:
    """Paths as options; a teacher's as a path, since text could name something to import."""
    return [(k, Path(v) if k.startswith("method.") else v) for k, v in paths.items()]


def _check_weights(reading: Reading, expected: Mapping[str, str]) -> None:
    found = weights(reading.values)
    for option, value in expected.items():
        if option in reading.paths and found.get(option) != value:
            raise ValueError(
                f"{reading.paths[option]} no longer holds the weights of the recipe ({option}: "
                f"{value} there, {found.get(option)} now): bring them back, or name others with "
                f"--{option}"
            )


def _with_file(message: str, opened: OpenedRecipes, options: Options) -> str:
    """A message about an option; first comes the file that gives it where no option does."""
    found = OPTION.match(message)
    option = (found[1] or found[2]).replace("-", "_") if found else ""
    given = [(name, value) for name, value in options if name != "config"]
    of_class = bool(found and found[2]) and option not in FIELDS  # an option of some class
    if option and any(f"{option}.".startswith(f"{name}.") for name, _ in given):
        return message
    if of_class and any(name.endswith(f".{option}") for name, _ in given):
        return message
    if not option and any(value and str(value) in message for _, value in given):
        return message
    group = "" if of_class else option.partition(".")[0]
    files = [file for file, fields in opened.files.items() if not group or group in fields]
    return f"{files[-1]}: {message}" if files else message
