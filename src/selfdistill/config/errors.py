"""What is wrong with an option, in one line: what, where, what to do."""

import re
import types
import typing
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager

from .registry import KINDS, NOUNS, class_options, nearest

NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
"""What text can become; an option may take objects of Python besides."""
PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}
OF_LIST = "augment."
"""Stands before the name of a class in a list, whose options are written within the list."""


def option(group: str, name: str) -> str:
    """An option as it is typed; one of an augmentation by its class."""
    if group.startswith(OF_LIST):
        return f"{group.removeprefix(OF_LIST)}.{name}"
    return f"--{group}.{name}" if group else f"--{name}"


def unknown(group: str, name: str, known: Iterable[str]) -> str:
    """Say that a class, or the recipe itself where no field is named, lacks an option."""
    if group.startswith(OF_LIST):  # other augmentations' options are no help
        return f"unknown option {option(group, name)}: {nearest(name, known)}"
    others = class_options(group) if group in KINDS else ()
    if name in others:
        return f"{option(group, name)} is not an option of the chosen {NOUNS.get(group, group)}"
    options = dict.fromkeys(option(group, one) for one in (*known, *others))
    return f"unknown option {option(group, name)}: {nearest(option(group, name), options)}"


def missing(group: str, name: str, *, of_weights: bool = False) -> str:
    """Say that an option of a class must be given."""
    what = "RUN, a finished run" if of_weights else name.upper()
    return f"{option(group, name)} is missing: give {option(group, name)} {what}"


def missing_fields(names: list[str], *, of_file: bool) -> str:
    """Say which fields a recipe lacks; ``of_file`` if it is one of the user's own."""
    if names == ["data"]:
        return "data missing: give a folder of class folders, or the name of a data set, as --data"
    if of_file and names[0] != "data":
        options = ", ".join(f"--{name}" for name in names)
        return f"{', '.join(names)} missing: write it there, or give {options}"
    folder = "give a folder as --data, or " if names[0] == "data" else ""
    return (
        f"{', '.join(names)} missing: {folder}choose a recipe with --config; selfdistill recipes "
        "lists them"
    )


@contextmanager
def naming_option(option: str) -> Generator[None]:
    """Say which option a class of torch complains of."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError, RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"--{option} cannot work with its options: {reason}") from error


def explain(
    message: str, group: str, values: Mapping[str, object], annotations: Mapping[str, object]
) -> str:
    """Put the configuration library's complaint about one of the values in a line."""
    key = re.search(r'Parser key "(\w+)', message)
    name = "" if key is None else key[1]
    if name in values and (kinds := _kinds(annotations.get(name))):
        return f"{option(group, name)} {values[name]}: expected {' or '.join(kinds)}"
    reason = " ".join(re.sub(r'Parser key "[\w.]+":\s+', "", message).split())
    return reason if not name else f"{option(group, name)}: {reason}"


def _kinds(annotation: object) -> list[str]:
    """What values of a type are called."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return [f"one of {', '.join(map(str, arguments))}"]
    if origin in (typing.Union, types.UnionType):
        return list(dict.fromkeys(kind for one in arguments for kind in _kinds(one)))
    kind = origin or annotation
    if kind in (list, tuple, set, Iterable, Sequence):
        length = f"{len(arguments)} " if kind is tuple and ... not in arguments else ""
        elements = {PLURALS.get(one, "values") for one in arguments if one is not ...}
        named = elements.pop() if len(elements) == 1 else "values"
        return [f"a list of {length}{named}"]
    return [NAMES[kind]] if kind in NAMES else []
