"""Values that no option takes: functions, objects to import, null, numbers out of bounds."""

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType

from .user_code import plain

PLAIN = (int, float, bool, str, bytes, NoneType, Path, object, typing.Any, ...)
CONTAINERS = (Enum, list, tuple, dict, set)
FUNCTIONS = (Callable, typing.Callable, types.FunctionType)
IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
NOTHING = ("", "~", "null", "none")
MAX_NUMBER = 3.4e38
"""Of a number in single precision."""
MAX_WHOLE = 2**63 - 1


def refuse_class(option: str, value: object, annotation: object) -> None:
    """Refuse a class within a value: only fields of a recipe name classes.

    Raises:
        ValueError: If there is one.
    """
    if not takes_text(annotation):
        value = plain(value)
    for found in _mappings(value):
        if "class_path" in found:
            raise ValueError(f"{option} takes no class: leave {found['class_path']!r} out")


def check_value(option: str, value: object, annotation: object) -> None:
    """Refuse what cannot be a value of an option, or would be imported to become one.

    Args:
        option: As it is typed.
        value: A plain value, or text that YAML reads.
        annotation: The type of the option in its signature; text where it is unknown.

    Raises:
        ValueError: If it cannot.
    """
    if not (takes_text(annotation) and isinstance(value, str) and not is_null(value)):
        value = plain(value)
    if value is not None and _takes_function(annotation):
        raise ValueError(f"{option} takes a function, which no option can name: leave it out")
    if value is None and _needs_value(annotation):
        raise ValueError(f"{option} null: give a value, or leave the option out")
    for text in _texts(value):
        if not _is_plain(annotation) and IMPORT_PATH.fullmatch(text):
            raise ValueError(
                f"{option} {text}: nothing is imported for this option; write ./{text} for a path"
            )


def check_numbers(group: str, values: object) -> None:
    """Refuse numbers that are not finite or too large.

    Raises:
        ValueError: If there is one; it names the option.
    """
    for path, value in _leaves(values, (group,) if group else ()):
        option = f"--{'.'.join(path)}"
        if isinstance(value, float) and not abs(value) <= MAX_NUMBER:
            raise ValueError(f"{option} {value}: give a finite number, {MAX_NUMBER:g} at most")
        if isinstance(value, int) and abs(value) > MAX_WHOLE:
            raise ValueError(f"{option} {value:.3e}: give a number of less than 20 digits")


def takes_text(annotation: object) -> bool:
    """Whether any text is a value of a type."""
    return any(part in (str, Path) for part in (annotation, *typing.get_args(annotation)))


def is_null(text: str) -> bool:
    """Whether text means that there is no value."""
    return text.strip().lower() in NOTHING


def _mappings(value: object) -> Iterator[Mapping[str, object]]:
    """All mappings within a value."""
    if isinstance(value, Mapping):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _mappings(item)


def _texts(value: object) -> Iterator[str]:
    """All text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value with its option's name, in parts."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*path, str(name)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, (*path, str(number)))
    else:
        yield path, value


def _takes_function(annotation: object) -> bool:
    if isinstance(annotation, str):
        return "Callable" in annotation or "Function" in annotation
    if annotation in FUNCTIONS or typing.get_origin(annotation) in FUNCTIONS:
        return True
    return any(map(_takes_function, typing.get_args(annotation)))


def _needs_value(annotation: object) -> bool:
    """Whether null cannot stand for a value of a type, as far as that is known."""
    if isinstance(annotation, str) or any(annotation is k for k in (object, typing.Any, NoneType)):
        return False
    return NoneType not in typing.get_args(annotation)


def _is_plain(annotation: object) -> bool:
    """Whether values of a type are numbers, text, paths, or collections of these."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is not None:
        return origin is typing.Literal or all(map(_is_plain, arguments))
    if inspect.isclass(annotation) and issubclass(annotation, CONTAINERS):
        return True
    return annotation in PLAIN
