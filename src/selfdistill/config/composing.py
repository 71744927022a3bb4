"""Recipes that options name, opened and laid over each other, and the options over them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import recipes
from ..runs import RunDirectory, parse_yaml, read_yaml
from .check_fields import check_fields
from .merging import Options, accepted, fields_of, merge, put, section
from .own_images import fit_size, own_name
from .registry import SINGLE
from .resolving import FIELDS, Reading, check_recipe, fit_warmup, weights
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
    """Read the recipes that options name; those that name code that may not be run are refused."""
    tree: Plain = {}
    paths: dict[str, str] = {}
    named: dict[str, str] = {}
    files: dict[Path, Plain] = {}
    name = "custom"
    for value in (str(value) for option, value in options if option == "config"):
        if value.startswith("{"):
            try:
                recipe = json.loads(value)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"--config {value:.40}: it is not valid JSON ({error})") from None
            check_fields(recipe, "--config")
            tree = merge(tree, recipe)
            continue
        file, shipped = recipes.find(value), value.lower() in recipes.names()
        name = value.lower() if shipped else file.stem
        recipe = fields_of(read_yaml(file).values)
        misplaced = [f for f in recipe if f.replace("-", "_") in Execution.__dataclass_fields__]
        if misplaced:
            raise ValueError(
                f"{file}: {misplaced[0]} does not belong into a recipe, which says what is "
                f"computed and not where: leave it out, and give "
                f"--{misplaced[0].replace('_', '-')} yourself"
            )
        check_fields(recipe, file)
        run = RunDirectory(file.parent)
        if not allow_own_code:
            refuse_own_code(recipe, run.own_code(), file)
        if not shipped:
            files[file] = recipe
        tree = merge(tree, recipe)
        named |= weights(recipe)
        paths |= run.read_paths()
    return OpenedRecipes(tree, paths, name, named, files)


def compose(
    opened: OpenedRecipes, options: Options, *, incomplete: bool = False
) -> tuple[Reading, str]:
    """What files and options say together, and its name; options count more, wherever they stand.

    A complaint about what no option says begins with the file that does.
    """
    choices, others = _settle(options)
    try:
        tree = opened.tree
        for group, value in choices:
            choice = {group: _read_choice(group, value)}
            check_fields(choice, "the command line")
            tree = merge(tree, choice)
        tree = fit_warmup(tree, dict(others))
        known = weights(tree)  # no path stands for anything else that a recipe says
        paths = {k: v for k, v in opened.paths.items() if k.startswith("data.") or k in known}
        tree = put(tree, path_options(accepted(paths, tree)))
        tree = fit_size(put(tree, others))
        reading = check_recipe(tree, incomplete=incomplete, of_file=bool(opened.files))
        found = weights(reading.values)
        named = {k: v for k, v in opened.weights.items() if k not in dict(options)}
        for option, value in named.items():
            if option in reading.paths and found.get(option) != value:
                raise ValueError(
                    f"{reading.paths[option]} no longer holds the weights of the recipe ({option}: "
                    f"{value} there, {found.get(option)} now): bring them back, or name others "
                    f"with --{option}"
                )
    except ValueError as error:
        raise ValueError(_with_file(str(error), opened, options)) from error
    data = str(section(reading.values, "data").get("class_path")).rpartition(".")[2]
    own = own_name(data, reading.paths)
    return reading, opened.name if own is None else f"{opened.name}/{own}"


def path_options(paths: Mapping[str, str]) -> Options:
    """Paths as options; a method's as a path, since text could name something to import."""
    return [(k, Path(v) if k.startswith("method.") else v) for k, v in paths.items()]


def _settle(options: Options) -> tuple[Options, Options]:
    """The options that choose a class, and all others but recipes.

    Of an option that is repeated the last counts, unless it adds to a list.
    """
    last = {option: number for number, (option, _) in enumerate(options)}
    counting = [
        (option, value)
        for number, (option, value) in enumerate(options)
        if option != "config" and (option.endswith("+") or last[option] == number)
    ]
    choices = [(k, v) for k, v in counting if k in SINGLE and v not in ("null", None)]
    # a list goes before what is added to it
    return choices, sorted(
        (o for o in counting if o not in choices), key=lambda option: option[0].endswith("+")
    )


def _read_choice(group: str, value: object) -> object:
    if not (isinstance(value, str) and "{" in value):
        return value
    try:
        return parse_yaml(value)
    except ValueError as error:
        raise ValueError(f"--{group} {value}: {error}") from None


def _with_file(message: str, opened: OpenedRecipes, options: Options) -> str:
    """A message about an option; first comes the file that gives it where no option does."""
    found = OPTION.match(message)
    option = (found[1] or found[2]).replace("-", "_") if found else ""
    given = [(name, value) for name, value in options if name != "config"]
    of_class = bool(found and found[2]) and option not in FIELDS  # an option of some class
    if (
        any(f"{option}.".startswith(f"{name}.") for name, _ in given)
        or (of_class and any(name.endswith(f".{option}") for name, _ in given))
        or (not option and any(value and str(value) in message for _, value in given))
    ):
        return message
    group = "" if of_class else option.partition(".")[0]
    files = [file for file, fields in opened.files.items() if not group or group in fields]
    return f"{files[-1]}: {message}" if files else message
