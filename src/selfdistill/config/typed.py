"""Options of a class, checked against its signature and converted to the types there.

The configuration library converts; it reads every text as YAML, for which ``[2024] photos/`` is a
mistake and ``#1/`` nothing. A word stands for such a text while it reads. What it would import or
let pass is refused here: functions, objects by their path, null, numbers out of bounds.
"""

import copy
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from types import FunctionType, NoneType
from typing import NamedTuple

from jsonargparse import ArgumentParser

from ..runs import parse_yaml
from . import errors
from .registry import SUPPLIED, class_defaults
from .user_code import plain

Plain = dict[str, object]
PLAIN = (int, float, bool, str, bytes, NoneType, Path, object, typing.Any, ...)
CONTAINERS = (Enum, list, tuple, dict, set)
FUNCTIONS = (Callable, typing.Callable, FunctionType)
IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
NOTHING = ("", "~", "null", "none")
MAX_NUMBER = 3.4e38
"""Of a number in single precision."""
MAX_WHOLE = 2**63 - 1


class Checked(NamedTuple):
    """All options of a class, with its defaults, checked."""

    plain: Plain
    """As they are written down."""
    typed: Plain
    """As the class takes them."""


def read(
    kind: type, values: Mapping[str, object], group: str, *, without: frozenset[str] = frozenset()
) -> Checked:
    """Check and convert options of a class, but for some; ``group`` names its field in messages."""
    types = annotations(kind)
    for name, value in values.items():
        # only fields of a recipe name classes
        for _, found in _walk(value if takes_text(types.get(name)) else plain(value)):
            if isinstance(found, Mapping) and "class_path" in found:
                option = errors.option(group, name)
                raise ValueError(f"{option} takes no class: leave {found['class_path']!r} out")
    parser = _parser(kind, without)
    known = parser.get_defaults().as_dict()
    for name in values:
        if name not in known:
            raise ValueError(errors.unknown(group, name, known))
    for name, value in values.items():
        _check_value(errors.option(group, name), value, types.get(name, object))
    for name in required(kind):
        if name in known and name not in values:
            of_weights = name in getattr(kind, "weight_arguments", ())
            raise ValueError(errors.missing(group, name, of_weights=of_weights))
    misread = [k for k, v in values.items() if takes_text(types.get(k)) and _is_misread(v)]
    texts = {f"verbatim-{number}-text": values[name] for number, name in enumerate(misread)}
    words = dict(zip(misread, texts, strict=True))
    try:
        found = parser.parse_object(copy.deepcopy({**values, **words}))
        stored = json.loads(parser.dump(found, format="json", skip_unset=False))
    except ValueError as error:
        raise ValueError(errors.explain(str(error), group, values, types)) from error
    stored = _put_back(stored, texts)
    _check_numbers(group, stored)
    return Checked(stored, parser.instantiate(_put_back(found, texts)).as_dict())


@cache
def _parser(kind: type, without: frozenset[str]) -> ArgumentParser:
    parser = Parser()
    known = inspect.signature(kind).parameters
    skip: set[str | int] = {*(name for name in SUPPLIED if name in known), *without}
    parser.add_class_arguments(kind, fail_untyped=False, skip=skip)
    return parser


class Parser(ArgumentParser):
    """Raises what it complains of."""

    def error(self, message: str, ex: Exception | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        del ex
        raise ValueError(message)


@cache
def annotations(kind: type) -> dict[str, object]:
    """Types of a class's options, its bases' included; text where a type is unknown."""
    found: dict[str, object] = {}
    for one in reversed(kind.__mro__):
        own = vars(one).get("__init__")
        if not inspect.isfunction(own):
            continue
        parameters = inspect.signature(own).parameters
        try:
            # torch imports some names of typing for type checkers only
            known = typing.get_type_hints(own, {**vars(typing), **own.__globals__})
        except Exception:  # a name that only type checkers know
            known = {name: parameter.annotation for name, parameter in parameters.items()}
        found |= {name: known.get(name, object) for name in parameters}
    return found


def required(kind: type) -> list[str]:
    """Options of a class that have no default."""
    return [k for k, v in class_defaults(kind).items() if v is inspect.Parameter.empty]


def takes_text(annotation: object) -> bool:
    """Whether any text is a value of a type."""
    return any(part in (str, Path) for part in (annotation, *typing.get_args(annotation)))


def _check_value(option: str, value: object, annotation: object) -> None:
    """Refuse what cannot be a value of an option, or would be imported to become one."""
    if not (takes_text(annotation) and isinstance(value, str) and not _is_null(value)):
        value = plain(value)
    if value is not None and _takes_function(annotation):
        raise ValueError(f"{option} takes a function, which no option can name: leave it out")
    nullable = (
        isinstance(annotation, str)  # nobody knows
        or any(annotation is kind for kind in (object, typing.Any, NoneType))
        or NoneType in typing.get_args(annotation)
    )
    if value is None and not nullable:
        raise ValueError(f"{option} null: give a value, or leave the option out")
    if _is_plain(annotation):
        return
    for _, text in _walk(value):
        if isinstance(text, str) and IMPORT_PATH.fullmatch(text):
            raise ValueError(
                f"{option} {text}: nothing is imported for this option; write ./{text} for a path"
            )


def _check_numbers(group: str, values: Plain) -> None:
    for path, value in _walk(values):
        option = errors.option(group, ".".join(path))
        if isinstance(value, float) and not abs(value) <= MAX_NUMBER:
            raise ValueError(f"{option} {value}: give a finite number, {MAX_NUMBER:g} at most")
        if isinstance(value, int) and abs(value) > MAX_WHOLE:
            raise ValueError(f"{option} {value:.3e}: give a number of less than 20 digits")


def _walk(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """A value and all within it, each with the names that lead there."""
    yield path, value
    if isinstance(value, list):
        value = dict(enumerate(value))  # pyright: ignore
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk(inner, (*path, str(name)))


def _takes_function(annotation: object) -> bool:
    if isinstance(annotation, str):
        return "Callable" in annotation or "Function" in annotation
    if annotation in FUNCTIONS or typing.get_origin(annotation) in FUNCTIONS:
        return True
    return any(map(_takes_function, typing.get_args(annotation)))


def _is_plain(annotation: object) -> bool:
    """Whether values of a type are numbers, text, paths, or collections of these."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is not None:
        return origin is typing.Literal or all(map(_is_plain, arguments))
    if inspect.isclass(annotation) and issubclass(annotation, CONTAINERS):
        return True
    return annotation in PLAIN


def _is_null(text: str) -> bool:
    return text.strip().lower() in NOTHING


def _is_misread(text: object) -> bool:
    """Whether YAML makes something else of text than what is meant."""
    if not isinstance(text, str):
        return False
    try:
        value = parse_yaml(text)
    except ValueError:
        return True
    if value is None:
        return not _is_null(text)
    return not isinstance(value, (str, int, float)) or (isinstance(value, str) and value != text)


def _put_back(value: typing.Any, texts: Mapping[str, object]) -> typing.Any:  # noqa: ANN401
    """The same values with texts in place of words."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, Path):
        return Path(texts.get(str(value), value))  # pyright: ignore[reportArgumentType]
    if hasattr(value, "items"):  # a mapping, or a namespace of the library
        for name, element in list(value.items()):
            value[name] = _put_back(element, texts)
    return value
