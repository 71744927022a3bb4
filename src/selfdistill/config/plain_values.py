"""Options take plain values: none of them names a function, or an object that is imported."""

import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from types import NoneType

from .class_paths import KINDS, decoded
from .own_images import Options
from .schema import Adversary, BackboneChoice
from .user_code import named

PLAIN = (int, float, bool, str, bytes, type(None), Path, object, typing.Any, ...)
CONTAINERS = (Enum, list, tuple, dict, set)
FUNCTIONS = (Callable, typing.Callable, types.FunctionType)
IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
SECTIONS: dict[str, type] = {"backbone": BackboneChoice, "adversary": Adversary}
ARGUMENTS = ("init_args", "dict_kwargs")


def refuse_imports(options: Options) -> None:
    """Refuse what the parser would import for an option that takes no class.

    What an option takes is read from the signature of the class that it belongs to. Functions are
    refused, whatever the value; where another object could stand, a path that imports one is.

    Raises:
        ValueError: If there is such an option.
    """
    entries = [entry for option, value in options for entry in _entries(option, value)]
    chosen = {**{group: list[type]() for group in KINDS}, **{g: [k] for g, k in SECTIONS.items()}}
    for group, name, value in entries:
        if group in KINDS and name == "class_path" and isinstance(value, str):
            chosen[group] += _classes(group, value)
    for group, name, value in entries:
        if group in SECTIONS and (
            name in ARGUMENTS or (name == "class_path" and "." in str(value))
        ):
            raise ValueError(f"--{group} takes no class: leave {value!r} out")
        for kind in chosen[group] if name != "class_path" else ():
            _check(f"{group}.{name}", value, _annotation(kind, name))


def _entries(option: str, value: object) -> Iterator[tuple[str, str, object]]:
    """Group, name and value of each argument that an option gives; a class counts as one."""
    if option == "config":
        assert isinstance(value, str)
        for group, section in json.loads(value).items():
            yield from _entries(group, section)
        return
    group, _, name = option.rstrip("+").partition(".")
    name = name.removeprefix("init_args.").removeprefix("dict_kwargs.")
    content = decoded(value) if isinstance(value, str) else value
    if group not in KINDS and group not in SECTIONS:
        return
    if name and name not in ARGUMENTS:
        yield group, name, value if name == "class_path" else content
    elif isinstance(content, list):
        for item in content:
            yield from _entries(group, item)
    elif isinstance(content, dict):
        for key, item in content.items():
            inner = key in ARGUMENTS and group in KINDS
            yield from _entries(group, item) if inner else [(group, str(key), item)]
    elif isinstance(content, str):
        yield group, "class_path", content


def _classes(group: str, path: str) -> list[type]:
    if "." in path:
        found = named(path)
        return [found] if inspect.isclass(found) else []
    return [kind for kind in _subclasses(KINDS[group]) if kind.__name__ == path]


def _subclasses(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def _check(option: str, value: object, annotation: object) -> None:
    if value is not None and _takes_function(annotation):
        raise ValueError(f"--{option} takes a function, which no option can name: leave it out")
    if value is None and _needs_value(annotation):
        raise ValueError(f"--{option} null: give a value, or leave the option out")
    for text in _texts(value):
        if not _is_plain(annotation) and IMPORT_PATH.fullmatch(text):
            raise ValueError(
                f"--{option} {text}: nothing is imported for this option; write ./{text} for a path"
            )


def _texts(value: object) -> Iterator[str]:
    """All text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _annotation(kind: type, name: str) -> object:
    """The type of a class's option, its bases' signatures included; text where it is unknown."""
    for one in kind.__mro__:
        own = vars(one).get("__init__")
        if not inspect.isfunction(own) or name not in inspect.signature(own).parameters:
            continue
        try:
            return typing.get_type_hints(own).get(name, object)
        except Exception:  # a name that only type checkers know
            return inspect.signature(own).parameters[name].annotation
    return object


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
