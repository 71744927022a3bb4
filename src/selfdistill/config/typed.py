"""Options of a class, checked against its signature and converted to the types there.

The configuration library converts; it reads every text as YAML, for which ``[2024] photos/`` is a
mistake and ``#1/`` nothing. A word stands for such a text while it reads.
"""

import copy
import inspect
import json
import typing
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jsonargparse import ArgumentParser

from ..runs import parse_yaml
from . import check_values, errors
from .registry import SUPPLIED, class_defaults

Plain = dict[str, object]


class Checked(NamedTuple):
    """All options of a class, with its defaults, checked."""

    plain: Plain
    """As they are written down."""
    typed: Plain
    """As the class takes them."""


def read(
    kind: type, values: Mapping[str, object], group: str, *, without: frozenset[str] = frozenset()
) -> Checked:
    """Check and convert what a recipe says of a class's options.

    Args:
        kind: The class.
        values: Options by name.
        group: The field of the recipe, for messages; empty for fields of the recipe itself.
        without: Options that are not read here.

    Raises:
        ValueError: If an option is unknown, missing, or of another type; names it.
    """
    types = annotations(kind)
    for name, value in values.items():
        check_values.refuse_class(errors.option(group, name), value, types.get(name))
    parser = _parser(kind, without)
    known = parser.get_defaults().as_dict()
    for name in values:
        if name not in known:
            raise ValueError(errors.unknown(group, name, known))
    for name, value in values.items():
        check_values.check_value(errors.option(group, name), value, types.get(name, object))
    for name in required(kind):
        if name in known and name not in values:
            of_weights = name in getattr(kind, "weight_arguments", ())
            raise ValueError(errors.missing(group, name, of_weights=of_weights))
    safe, texts = _set_aside(values, types)
    try:
        found = parser.parse_object(safe)
        plain = json.loads(parser.dump(found, format="json", skip_unset=False))
    except ValueError as error:
        raise ValueError(errors.explain(str(error), group, values, types)) from error
    plain = _put_back(plain, texts)
    check_values.check_numbers(group, plain)
    return Checked(plain, parser.instantiate(_put_back(found, texts)).as_dict())


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
        """Refuse the values.

        Raises:
            ValueError: Always.
        """
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


def _set_aside(
    values: Mapping[str, object], types: Mapping[str, object]
) -> tuple[Plain, dict[str, str]]:
    """Put words for texts that YAML would misread; the text that each stands for."""
    texts: dict[str, str] = {}
    safe: Plain = {}
    for name, value in values.items():
        if (
            isinstance(value, str)
            and check_values.takes_text(types.get(name))
            and _is_misread(value)
        ):
            word = f"verbatim-{len(texts)}-text"
            texts[word] = value
            value = word
        safe[name] = copy.deepcopy(value)
    return safe, texts


def _put_back(value: typing.Any, texts: Mapping[str, str]) -> typing.Any:  # noqa: ANN401
    """The same values with texts in place of words."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, Path):
        return Path(texts.get(str(value), value))
    if hasattr(value, "items"):  # a mapping, or a namespace of the library
        for name, element in list(value.items()):
            value[name] = _put_back(element, texts)
    return value


def _is_misread(text: str) -> bool:
    try:
        value = parse_yaml(text)
    except ValueError:
        return True
    if value is None:
        return not check_values.is_null(text)
    return not isinstance(value, (str, int, float)) or (isinstance(value, str) and value != text)
