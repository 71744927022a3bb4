"""A recipe as flat fields, as reports compare it and trackers show it."""

from collections.abc import Mapping

from ..terminal import shown

Scalar = None | bool | int | float | str
Fields = Mapping[str, Scalar]


def flatten(recipe: Mapping[str, object]) -> dict[str, Scalar]:
    """Write a nested recipe as dotted fields.

    ``{"method": {"class_path": "KD", "init_args": {"temperature": 4}}}`` becomes
    ``{"method.class_path": "KD", "method.temperature": 4}``; elements of lists are numbered.
    """
    fields: dict[str, Scalar] = {}
    for key, value in recipe.items():
        fields |= _flatten("" if key == "init_args" else shown(key), value)
    return fields


def _flatten(key: str, value: object) -> dict[str, Scalar]:
    if isinstance(value, list):
        value = {str(position): element for position, element in enumerate(value)}
    if isinstance(value, Mapping):
        inner = flatten({str(name): element for name, element in value.items()})
        return {f"{key}.{name}".lstrip("."): element for name, element in inner.items()}
    if not (value is None or isinstance(value, bool | int | float | str)):
        raise TypeError(f"{key} is {value!r:.40}, not a plain value")
    return {key: shown(value) if isinstance(value, str) else value}
