"""Numbers that no computer computes with, refused before anything begins."""

import inspect
import types
import typing
from collections.abc import Mapping

from .schema import Adversary, BackboneChoice, Place, Recipe

LARGEST = 3.4e38
"""Of a number in single precision."""
LARGEST_WHOLE = 2**63 - 1


def check_values(plain: Mapping[str, object]) -> None:
    """Refuse numbers that are not finite or too large, and null where a value is needed.

    Args:
        plain: All settings as plain values.

    Raises:
        ValueError: If there is one; it names the option.
    """
    for option, value in _leaves(plain):
        if isinstance(value, float) and not abs(value) <= LARGEST:
            raise ValueError(f"--{option} {value}: give a finite number, {LARGEST:g} at most")
        if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
            raise ValueError(f"--{option} {value:.3e}: give a number of less than 20 digits")
    for choice, group in ((Recipe, ""), (Place, ""), (BackboneChoice, "backbone")):
        _check_given(choice, plain if not group else plain.get(group), group)
    _check_given(Adversary, plain.get("adversary"), "adversary")


def _check_given(choice: type, values: object, group: str) -> None:
    if not isinstance(values, Mapping):
        return
    for name, kind in inspect.get_annotations(choice).items():
        if values.get(name, "") is None and not _is_optional(kind):
            option = f"{group}.{name}" if group else name
            raise ValueError(f"--{option} null: give a value, or leave the option out")


def _is_optional(kind: object) -> bool:
    return types.NoneType in typing.get_args(kind)


def _leaves(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, object]]:
    """Every value with its option's name."""
    if isinstance(value, Mapping):
        pairs = [(str(name), element) for name, element in value.items()]  # pyright: ignore
    elif isinstance(value, list):
        pairs = [(str(number), element) for number, element in enumerate(value)]  # pyright: ignore
    else:
        return [(".".join(name for name in path if name != "init_args"), value)]
    return [leaf for name, element in pairs for leaf in _leaves(element, (*path, name))]
