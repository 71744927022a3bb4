"""The shortest names that tell rows of runs apart."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from ..runs import Fields, Scalar

Value = tuple[bool, Scalar]
"""Whether a recipe has a field, and its value."""

KINDS = ("class_path", "name")
"""Names of fields that say what a part of a recipe is; its other fields depend on it."""


def differing_parts(one: Fields, other: Fields, *, ignore: Set[str]) -> tuple[str, ...]:
    """Name the parts of a recipe in which two differ, such as ``augment`` or ``batch_size``."""
    keys = dict.fromkeys([*one, *other])
    differing = (key.split(".")[0] for key in keys if _value(one, key) != _value(other, key))
    return tuple(dict.fromkeys(part for part in differing if part not in ignore))


def labels(rows: Sequence[Fields]) -> list[str]:
    """Label rows by method and by fields that differ from the commonest value.

    A field is compared among rows that have it in common: a temperature among rows of the same
    method, momentum among rows of the same optimizer. Where no value is the commonest, all are
    named.
    """
    commonest = _commonest(rows)
    write = _writer(rows, commonest)
    return [
        " ".join(
            [
                write("method.class_path", row),
                *(
                    write(key, row)
                    for key, values in commonest.items()
                    if _value(row, key) != values[i] and (key in row or values[i] is not None)
                ),
            ]
        )
        for i, row in enumerate(rows)
    ]


def shared_fields(rows: Sequence[Fields]) -> str:
    """The commonest values, which labels leave out; empty if there are none."""
    commonest = _commonest(rows)
    write = _writer(rows, commonest)
    by_scope: dict[str, dict[str, None]] = {}
    for key, values in commonest.items():
        for row, value in zip(rows, values, strict=True):
            alike = all(_value(peer, key) == value for peer in _peers(key, row, rows))
            if key in row and _value(row, key) == value and not alike:
                scope = write("method.class_path", row) if key.startswith("method.") else ""
                by_scope.setdefault(scope, {})[write(key, row)] = None
    return "; ".join(f"{scope} {' '.join(words)}".strip() for scope, words in by_scope.items())


def _commonest(rows: Sequence[Fields]) -> dict[str, list[Value | None]]:
    """For each field that differs, the commonest value among each row's peers; None in a tie."""
    keys = dict.fromkeys(key for row in rows for key in row if key != "method.class_path")
    varying = [key for key in keys if any(_value(r, key) != _value(rows[0], key) for r in rows)]
    commonest = {key: [_most(key, _peers(key, row, rows)) for row in rows] for key in varying}
    return {
        key: values
        for key, values in commonest.items()
        if any(_value(row, key) != value for row, value in zip(rows, values, strict=True))
    }


def _most(key: str, rows: Sequence[Fields]) -> Value | None:
    first, *others = Counter(_value(row, key) for row in rows).most_common(2)
    return None if others and others[0][1] == first[1] else first[0]


def _peers(key: str, row: Fields, rows: Sequence[Fields]) -> list[Fields]:
    """Rows comparable in a field: the part that holds it is of the same kind, such as a method."""
    parts = key.split(".")
    kinds = [".".join([*parts[:depth], kind]) for depth in range(1, len(parts)) for kind in KINDS]
    if key in kinds:  # a class decides which names there are
        kinds = kinds[: kinds.index(key)]
    return [other for other in rows if all(_value(row, k) == _value(other, k) for k in kinds)]


def _value(row: Fields, key: str) -> Value:
    return key in row, row.get(key)


def _writer(rows: Sequence[Fields], fields: Iterable[str]) -> Callable[[str, Fields], str]:
    """Write a row's method, or another of the fields with its value."""
    names = _shortest({_display(key) for key in fields})
    paths = _shortest({str(row[key]) for row in rows for key in row if key.endswith("class_path")})

    def write(key: str, row: Fields) -> str:
        if key == "method.class_path":
            return paths[str(row[key])]
        name = names[_display(key)]
        return f"{name}={_text(row[key], paths)}" if key in row else f"no {name}"

    return write


def _display(key: str) -> str:
    """The part that a field names: ``backbone`` for ``backbone.name``."""
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
    return [e for e in endings if not e[:1].isdigit()] or [path]


def _owners(ending: str, paths: Set[str]) -> int:
    return sum(path == ending or path.endswith(f".{ending}") for path in paths)


def _text(value: Scalar, paths: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return paths.get(value, value)
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if float(value).is_integer() else str(value)
