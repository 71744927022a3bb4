"""The command line of ``train``: help, and words taken apart into a recipe and its execution."""

import re
from dataclasses import fields
from typing import NoReturn

import yaml
from jsonargparse import ArgumentParser

from . import typed
from .merging import Options, put
from .recipe import Recipe
from .schema import Execution, Ingredients
from .settings import Settings
from .words import read_options

HELP = re.compile(r"-h|--([\w.-]+\.)?help")
HELP_WORDS = {
    r"\(required,\s+type:": "(type:",
    r"--backbone CONFIG     Path to a configuration file\.": "--backbone NAME       A network.",
    r"\x08": "",
}
"""Patterns of help that are worded otherwise: nothing is required where a recipe has it."""


def parse(argv: list[str]) -> Settings:
    """Read a command line of ``train``.

    Args:
        argv: Words; of recipes, and of an option that is repeated, the last counts.

    Raises:
        ValueError: If something is misspelt, missing or impossible, in one line.
        SystemExit: If help was asked for, and given.
    """
    if asked := [word for word in argv if HELP.fullmatch(word.partition("=")[0])]:
        _help_parser().parse_args(asked + argv[argv.index(asked[0]) + 1 :][:1])
    options = read_options(argv)
    shows = any(option == "print_config" for option, _ in options)
    settings = read_settings([(k, v) for k, v in options if k != "print_config"])
    if shows:
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
    recipe = put(dict(settings.recipe.values), settings.recipe.paths.items())
    where = {
        k: v if v is None or isinstance(v, float) else str(v)
        for k, v in vars(settings.execution).items()
    }
    print(yaml.safe_dump({**recipe, **where}, sort_keys=False, allow_unicode=True), end="")
    raise SystemExit(0)


def _help_parser() -> ArgumentParser:
    """A parser that knows all options, made from signatures."""
    parser = _HelpParser(
        prog="selfdistill train",
        usage="selfdistill train [--config RECIPE] --data FOLDER [--backbone NAME] "
        "[--method METHOD] [OPTION …]",
        description="Train a network. With --data FOLDER alone, recipe scratch sets all the rest; "
        "with --backbone.pretrained as well, recipe finetune. --data FOLDER is a folder of class "
        "folders, --data TABLE.csv a table of images and labels, --data hf:OWNER/NAME a Hugging "
        "Face set; --image-size and "
        "--cache-dir are short for --data.image-size and --data.cache-dir, --backbone NAME for "
        "--backbone.name NAME.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", action="config", help="A recipe: a YAML file, or the name of a shipped one."
    )
    parser.add_class_arguments(Ingredients)
    parser.add_class_arguments(Execution)
    return parser


class _HelpParser(typed.Parser):
    def format_help(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        text = super().format_help()
        for pattern, words in HELP_WORDS.items():
            text = re.sub(pattern, words, text)
        return text
