"""Help about ``train`` and its classes, made from signatures and docstrings."""

import inspect
import json
import re
import textwrap
from typing import NoReturn

from . import typed
from .registry import CLASSES, KINDS, SUPPLIED, exact_name, find_class
from .schema import Execution, Ingredients

HELP_WORDS = {
    r"\(required,\s+type:": "(type:",
    r"--backbone CONFIG     Path to a configuration file\.": "--backbone NAME       A network.",
    r" +--\w+ CONFIG +Path to a configuration file\.\n": "",
    r"\x08": "",
}
"""Patterns of help that are worded otherwise: nothing is required where a recipe has it."""


def show_help(word: str, following: list[str]) -> NoReturn:
    """Print help about a command line, or about one of its classes, and end."""
    option, _, name = word.partition("=")
    group = option.removeprefix("--").removesuffix(".help")
    names = [name] if name else [w for w in following if not w.startswith("-")]
    if group in KINDS and not names:
        print(f"--{group}.help NAME shows the options of one of these:")
        for kind in CLASSES[group].values():
            print(f"  {kind.__name__:<22}{(inspect.getdoc(kind) or '').partition(chr(10))[0]}")
        raise SystemExit(0)
    if group == "augment":
        print(_augmentation_help(exact_name(group, names[0])))
        raise SystemExit(0)
    if group in KINDS:
        print(_class_help(group, exact_name(group, names[0])), end="")
        raise SystemExit(0)
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
    parser.parse_args([option])
    raise AssertionError("help ends the command")


def _class_help(group: str, name: str) -> str:
    """A class's options as ``train`` takes them."""
    kind = find_class(group, name)
    parser = _HelpParser(
        prog="selfdistill train",
        usage=f"selfdistill train --{group} {name} [--{group}.OPTION VALUE …]",
        add_help=False,
    )
    known = inspect.signature(kind).parameters
    supplied: set[str | int] = {option for option in SUPPLIED if option in known}
    parser.add_class_arguments(kind, group, fail_untyped=False, skip=supplied)
    return parser.format_help()


def _augmentation_help(name: str) -> str:
    """What an augmentation is, its options, and how they are written within the list."""
    kind = find_class("augment", name)
    parser = typed.Parser(add_help=False)
    parser.add_class_arguments(kind, fail_untyped=False)
    first = (inspect.getdoc(kind) or "").partition("\n")[0]
    lines = [f"{kind.__name__}: {first}" if first else kind.__name__, ""]
    example = name
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]
        default = json.dumps(action.default, default=str)
        described = " ".join((action.help or "").split())
        lines += [f"  {action.dest}: {default}", *map("      {}".format, textwrap.wrap(described))]
        if example == name:
            example = f"'{{class_path: {name}, init_args: {{{action.dest}: {default}}}}}'"
    use = "Options are written within its braces" if example != name else "It has no options"
    return "\n".join((*lines, *([""] if example != name else []), f"{use}: --augment+ {example}"))


class _HelpParser(typed.Parser):
    def format_help(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        text = super().format_help()
        for pattern, words in HELP_WORDS.items():
            text = re.sub(pattern, words, text)
        return text
