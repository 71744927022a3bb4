"""The command line of ``train``: its words, their small freedoms of spelling, what they ask for.

Hyphens equal underscores in options; names of methods, data sets, optimizers and schedules ignore
case; ``--backbone NAME`` names the network; ``--data PATH`` is a folder or table of pictures; a
bare boolean is true; ``--method.init_args.temperature`` is ``--method.temperature``.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import fields
from inspect import get_annotations
from pathlib import Path
from typing import NoReturn, get_args

import yaml

from .. import recipes
from ..data.images import HUB
from . import typed
from .help import show_help
from .merging import Options, put
from .own_images import spell_out
from .recipe import Recipe, Settings
from .registry import SINGLE, class_options, exact_name
from .schema import SHORT_FORMS, Adversary, BackboneChoice, Execution, Ingredients

HELP = re.compile(r"-h|--([\w.-]+\.)?help")


def parse(argv: list[str]) -> Settings:
    """Read a command line of ``train``.

    Args:
        argv: Words; of recipes, and of an option that is repeated, the last counts.

    Raises:
        ValueError: If something is misspelt, missing or impossible, in one line.
        SystemExit: If help was asked for, and given.
    """
    for number, word in enumerate(argv):
        if HELP.fullmatch(word.partition("=")[0]):
            show_help(word, argv[number + 1 : number + 2])
    options = read_options(argv)
    settings = read_settings([(k, v) for k, v in options if k != "print_config"])
    if "print_config" in dict(options):
        _show(settings)
    return settings


def read_settings(options: Options) -> Settings:
    """The recipe and the execution that options ask for.

    Raises:
        ValueError: If something is misspelt, missing or impossible, in one line.
    """
    recipe, where = separate(options)
    execution = read_execution(where)
    allowed = execution.allow_own_code
    return Settings(Recipe.from_options(recipe, allow_own_code=allowed), execution)


def read_changes(argv: list[str]) -> tuple[dict[str, object], Execution]:
    """What words change about a recipe that there is, and where it is computed.

    Raises:
        ValueError: If something is misspelt, in one line.
    """
    recipe, where = separate(read_options(argv))
    return dict(recipe), read_execution(where)


def separate(options: Options) -> tuple[Options, Options]:
    """Sort options: those of recipes, and those of their execution."""
    names = {field.name for field in fields(Execution)}
    recipe = [(option, value) for option, value in options if option not in names]
    return recipe, [(option, value) for option, value in options if option in names]


def read_execution(options: Options) -> Execution:
    """Where a run is computed.

    Raises:
        ValueError: If an option is of another type.
    """
    return Execution(**typed.read(Execution, dict(options), "").typed)  # pyright: ignore[reportArgumentType]


def _show(settings: Settings) -> NoReturn:
    """Print a recipe and its execution, and end."""
    recipe = settings.recipe
    # a path is text, whatever it looks like; what else belongs to the place is true or false
    paths = [(k, v == "True" if k == "data.download" else v) for k, v in recipe.paths.items()]
    where = {k: str(v) if isinstance(v, Path) else v for k, v in vars(settings.execution).items()}
    shown = {**put(dict(recipe.values), paths), **where}
    print(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), end="")
    raise SystemExit(0)


def read_options(argv: list[str]) -> Options:
    """Take words apart into options.

    Raises:
        ValueError: If a word stands alone, a value is missing, or a name does not exist; it names
            the nearest.
    """
    pairs: Options = []
    words = iter(range(len(argv)))
    for number in words:
        if not argv[number].startswith("--"):
            raise ValueError(f"unexpected word {argv[number]!r}: {_hint(argv[number])}")
        name, equals, value = argv[number][2:].partition("=")
        if not equals:
            following = argv[number + 1] if number + 1 < len(argv) else "--"
            if not following.startswith("--"):
                value = argv[next(words)]
            elif full_name(name) in _booleans():
                value = "true"
            elif full_name(name) == "print_config":
                value = ""
            else:
                raise ValueError(f"{argv[number]} is followed by no value")
        pairs.append((name, value))
    return spelled(pairs)


def spelled(options: Iterable[tuple[str, object]]) -> Options:
    """Options under their full names, and classes under their exact ones.

    Args:
        options: Values by name, with the freedoms of the command line.

    Raises:
        ValueError: If a name does not exist; it names the nearest.
    """
    images: Options = []
    others: Options = []
    for name, value in options:
        option = full_name(name)
        if option == "print_shtab":  # an offer of the configuration library's
            raise ValueError("unknown option --print_shtab: there is no shell completion")
        text = isinstance(value, str)
        if option == "data" and text:
            images = spell_out(value) or [(option, exact_name(option, value))]
        else:
            exact = exact_name(option, value) if option in SINGLE and text else value
            others.append((option, exact))
    # first, so that --data.root counts more than the folder of a table, wherever it stands
    return [*images, *others]


def train_command(options: Options) -> str:
    """The command line of ``train`` that options stand for."""
    words = [f"--{option}={value}" for option, value in options]
    return shlex.join(["selfdistill", "train", *words])


def full_name(name: str) -> str:
    """An option by the name of its field, however it is spelled."""
    option = name.replace("-", "_")
    option = SHORT_FORMS.get(option, option).replace(".init_args.", ".", 1)
    group = option.removesuffix(".class_path")
    return group if group in SINGLE else option


def _hint(word: str) -> str:
    """What a word without an option may have been meant for."""
    if Path(word).exists() or word.startswith(HUB):
        return f"did you mean --data {word}?"
    if word.lower() in recipes.names():
        return f"did you mean --config {word}?"
    return "options begin with --"


def _booleans() -> set[str]:
    """Options that need no value to be true."""
    kinds: dict[str, object] = {**get_annotations(Ingredients), **get_annotations(Execution)}
    sections = {
        "backbone": get_annotations(BackboneChoice),
        "adversary": get_annotations(Adversary),
        **{group: class_options(group) for group in SINGLE},
    }
    for group, options in sections.items():
        kinds |= {f"{group}.{name}": kind for name, kind in options.items()}
    return {name for name, kind in kinds.items() if kind is bool or bool in get_args(kind)}
