"""Whether the fields of a recipe hold what fields of their kind can hold."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import get_args

from .registry import KINDS
from .schema import Ingredients

CHOICE = "a name, or class_path and init_args"
SHOWN_CHARACTERS = 40
EMPTY = {
    k for k, kind in inspect.get_annotations(Ingredients).items() if NoneType in get_args(kind)
}
"""Fields that may hold nothing."""


def check_fields(recipe: Mapping[str, object], where: Path | str) -> None:
    """Refuse lists, mappings, numbers and null where a field cannot hold them."""
    for field, value in recipe.items():
        if field == "augment":
            _require(isinstance(value, list), where, field, value, "a list of augmentations")
            assert isinstance(value, list)
            for number, item in enumerate(value):
                _check_choice(item, where, f"augment.{number}", CHOICE)
        elif field in KINDS:
            if value is not None or field != "mixing":
                _check_choice(value, where, field, CHOICE)
        elif field == "backbone":
            _check_choice(value, where, field, "a name, or name and other options")
        elif field == "adversary":
            _require(
                isinstance(value, str | dict | None), where, field, value, "its options by name"
            )
        else:
            described = not isinstance(value, list | dict) and (value is not None or field in EMPTY)
            _require(described, where, field, value, "one value")


def _check_choice(value: object, where: Path | str, field: str, expected: str) -> None:
    _require(isinstance(value, str | dict) and value != "", where, field, value, expected)
    if not isinstance(value, dict):
        return
    for name in ("class_path", "name"):
        path = value.get(name, name)
        _require(isinstance(path, str) and path != "", where, f"{field}.{name}", path, "a name")
    for name in ("init_args", "dict_kwargs"):
        options = value.get(name)
        described = isinstance(options, dict | None)
        _require(described, where, f"{field}.{name}", options, "options by name")


def _require(fits: bool, where: Path | str, field: str, value: object, expected: str) -> None:
    if not fits:
        shown = "null" if value is None else repr(value)
        if len(shown) > SHOWN_CHARACTERS:
            shown = f"{shown[:SHOWN_CHARACTERS]}…"
        raise ValueError(f"{where}: {field} is {shown}, expected {expected}")
