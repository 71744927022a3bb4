"""Recipes as flat fields, and the shortest names that tell rows of runs apart."""

from collections.abc import Mapping, Sequence, Set

Scalar = None | bool | int | float | str
Fields = Mapping[str, Scalar]

PLACE = frozenset(
    {"cache", "devices", "logger", "loggers", "num_nodes", "out", "place", "root", "workers"}
)
"""Names of fields that say where a run took place, not what it computed."""
KINDS = ("class_path", "name")
"""Names of fields that say what a part of a recipe is; its other fields depend on it."""


def flatten(recipe: Mapping[str, object]) -> dict[str, Scalar]:
    """Write a nested recipe as dotted fields, without those that say where it ran.

    ``{"method": {"class_path": "KD", "init_args": {"temperature": 4}}}`` becomes
    ``{"method.class_path": "KD", "method.temperature": 4}``; elements of lists are numbered.
    """
    fields: dict[str, Scalar] = {}
    for key, value in recipe.items():
        if key not in PLACE:
            fields |= _flatten("" if key == "init_args" else key, value)
    return fields


def _flatten(key: str, value: object) -> dict[str, Scalar]:
    if isinstance(value, list):
        value = {str(position): element for position, element in enumerate(value)}
    if isinstance(value, Mapping):
        inner = flatten({str(name): element for name, element in value.items()})
        return {f"{key}.{name}".lstrip("."): element for name, element in inner.items()}
    assert value is None or isinstance(value, bool | int | float | str), value
    return {key: value}


def sections(one: Fields, other: Fields, *, ignore: Set[str]) -> tuple[str, ...]:
    """Name the parts of a recipe in which two differ, such as ``augment`` or ``batch_size``."""
    keys = dict.fromkeys([*one, *other])
    differing = (key.split(".")[0] for key in keys if not _same(one, other, key))
    return tuple(dict.fromkeys(part for part in differing if part not in ignore))


def labels(rows: Sequence[Fields]) -> list[str]:
    """Name each row by its method and the fields in which it differs from other rows.

    A field is compared among rows that have it in common: a temperature among rows of the same
    method, momentum among rows of the same optimizer.

    Args:
        rows: Flat recipes, no two alike.
    """
    shown = [[key for key in row if _tells_apart(key, row, rows)] for row in rows]
    names = _shortest({_display(key) for keys in shown for key in keys})
    paths = _shortest({str(row[key]) for row in rows for key in row if key.endswith("class_path")})
    return [
        " ".join(
            [
                paths[str(row["method.class_path"])],
                *(f"{names[_display(key)]}={_text(row[key], paths)}" for key in keys),
            ]
        )
        for row, keys in zip(rows, shown, strict=True)
    ]


def _tells_apart(key: str, row: Fields, rows: Sequence[Fields]) -> bool:
    """Whether a row of the same kind has another value here; the method is named anyway."""
    parts = key.split(".")
    kinds = [".".join([*parts[:depth], kind]) for depth in range(1, len(parts)) for kind in KINDS]
    peers = [other for other in rows if all(_same(row, other, k) for k in kinds if k != key)]
    return key != "method.class_path" and not all(_same(row, other, key) for other in peers)


def _same(one: Fields, other: Fields, key: str) -> bool:
    return (key in one) == (key in other) and one.get(key) == other.get(key)


def _display(key: str) -> str:
    """The part itself, where a field says what it is: ``backbone`` for ``backbone.name``."""
    parent, _, last = key.rpartition(".")
    return parent if parent and last in KINDS else key


def _shortest(paths: Set[str]) -> dict[str, str]:
    """Give each dotted path its shortest ending that no other path shares."""
    return {
        path: next((e for e in _endings(path) if _owners(e, paths) == 1), path) for path in paths
    }


def _endings(path: str) -> list[str]:
    parts = path.split(".")
    endings = [".".join(parts[start:]) for start in reversed(range(len(parts)))]
    return [e for e in endings if not e[0].isdigit()] or [path]


def _owners(ending: str, paths: Set[str]) -> int:
    return sum(path == ending or path.endswith(f".{ending}") for path in paths)


def _text(value: Scalar, paths: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return paths.get(value, value)
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if float(value).is_integer() else str(value)
