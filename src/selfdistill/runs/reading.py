"""JSON and YAML files of runs and recipes, from whoever they come.

Sizes and depths are bounded, nothing is executed or unfolded, and every error names its file.
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Never

import yaml

MAX_BYTES = 64 << 20
MAX_DEPTH = 32
SHOWN_CHARACTERS = 40
YAML = "tag:yaml.org,2002:"
PLAIN_TAGS = ("null", "bool", "int", "float", "str", "seq", "map")
SEAL = "sha256"
"""The last field of a summary: the hash of all the others."""
Bound = int | float


@dataclass(frozen=True)
class Stored:
    """Fields read from a file; what is taken out is checked, and errors say file and field.

    Args:
        file: Where they were read.
        values: The fields.
        name: Of this object within the file, such as ``cost``; empty for the whole file.
    """

    file: Path
    values: dict[str, object]
    name: str = ""

    def __contains__(self, field: str) -> bool:
        """Whether a field is there and not null."""
        return self.values.get(field) is not None

    def __iter__(self) -> Iterator[str]:
        """Names of the fields."""
        return iter(self.values)

    def text(self, field: str) -> str:
        """A field that holds text."""
        value = self._value(field)
        return value if isinstance(value, str) else self.refuse(field, "text")

    def number(
        self, field: str, low: int | float = -math.inf, high: int | float = math.inf
    ) -> float:
        """A field that holds a finite number within bounds."""
        value = _finite(self._value(field))
        if value is not None and low <= value <= high:
            return value
        return self.refuse(field, f"a number{_bounds(low, high)}")

    def integer(
        self, field: str, low: int | float = -math.inf, high: int | float = math.inf
    ) -> int:
        """A field that holds a whole number within bounds."""
        value = self._value(field)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        return self.refuse(field, f"a whole number{_bounds(low, high)}")

    def section(self, field: str) -> "Stored":
        """A field that holds fields itself."""
        value = self._value(field)
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return Stored(self.file, value, self._path(field))
        return self.refuse(field, "an object with named fields")

    def list(self, field: str) -> list[object]:
        """A field that holds a list."""
        value = self._value(field)
        return value if isinstance(value, list) else self.refuse(field, "a list")

    def numbers(self, field: str, count: int | None = None) -> tuple[float, ...]:
        """A field that holds a list of finite numbers, of a given length if any."""
        values = self.list(field)
        found = [value for value in map(_finite, values) if value is not None]
        if len(found) == len(values) and count in (None, len(values)):
            return tuple(found)
        return self.refuse(field, f"{'' if count is None else f'{count} '}numbers")

    def refuse(self, field: str, expected: str) -> Never:
        """Raise the error for a field that does not hold what is expected."""
        if field not in self.values:
            raise ValueError(f"{self.file} has no field {self._path(field)!r}: {_ADVICE}")
        shown = repr(self.values[field])
        if len(shown) > SHOWN_CHARACTERS:
            shown = f"{shown[:SHOWN_CHARACTERS]}…"
        raise ValueError(
            f"{self.file}: {self._path(field)} is {shown}, expected {expected}: {_ADVICE}"
        )

    def _value(self, field: str) -> object:
        return self.values.get(field)

    def _path(self, field: str) -> str:
        return f"{self.name}.{field}" if self.name else field


_ADVICE = "restore the file from a copy"


def read_json(file: Path, *, max_bytes: int = MAX_BYTES) -> Stored:
    """Read a file that holds a JSON object.

    Raises:
        ValueError: If it is missing, not a regular file, too large, or not a JSON object; the
            message names the file.
    """
    return parse_json(file, read_bytes(file, max_bytes=max_bytes))


def read_summary(file: Path) -> Stored:
    """Read what a run says of itself, without the hash of it that the file ends with.

    Raises:
        ValueError: As :func:`read_json` does, or if it is not what the hash was of.
    """
    values = dict(read_json(file).values)
    if values.pop(SEAL, None) not in (None, seal(values)):
        raise ValueError(f"{file} has changed since it was written: {_ADVICE}")
    return Stored(file, values)


def seal(values: dict[str, object]) -> str:
    """The hash by which a summary is known to be whole."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def parse_json(file: Path, content: bytes) -> Stored:
    """The JSON object that a file's bytes hold.

    Raises:
        ValueError: If they hold none; the message names the file.
    """
    return Stored(file, _json_object(file, _decoded(file, content)))


def read_lines(file: Path) -> list[dict[str, object]]:
    """Read a file of a JSON object a line; a last line that a crash cut off is left out.

    Raises:
        ValueError: As :func:`read_json` does; the message names the line, too.
    """
    lines = read_text(file).splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    return [_json_object(f"{file}, line {n}", line) for n, line in enumerate(whole, 1)]


def read_yaml(file: Path, *, max_bytes: int = 1 << 20) -> Stored:
    """Read a file that holds a YAML mapping.

    Raises:
        ValueError: If it is missing, not a regular file, too large, not YAML, not a mapping, or
            uses aliases, which can unfold a small file into gigabytes; the message names the file.
    """
    text = read_text(file, max_bytes=max_bytes)
    try:
        values = parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"{file} {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{file} holds {_kind(values)}, expected `name: value` lines")
    return Stored(file, {str(name): value for name, value in values.items()})


def parse_yaml(text: str) -> Any:  # noqa: ANN401
    """What a YAML text says, in plain Python objects.

    Raises:
        ValueError: If it is not YAML, uses aliases, or is nested too deeply; says where.
    """
    try:
        return yaml.load(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"is not valid YAML ({where}{error.problem})") from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"is not valid YAML ({reason})") from None


class _PlainLoader(yaml.SafeLoader):
    """Reads plain values; refuses aliases and deep nesting."""

    yaml_implicit_resolvers: ClassVar = {  # dates stay text: JSON has none
        first: [(tag, form) for tag, form in resolvers if tag != f"{YAML}timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors: ClassVar = {  # and no sets, dates or bytes, whatever tags say
        tag: make
        for tag, make in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(YAML) in PLAIN_TAGS
    }
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()
            raise yaml.MarkedYAMLError(
                problem=f"the alias *{event.anchor} is not accepted: write the value out",
                problem_mark=event.start_mark,
            )
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.YAMLError(f"nested deeper than {MAX_DEPTH}")
        node = super().compose_node(parent, index)  # pyright: ignore[reportArgumentType]
        self.depth -= 1
        return node


def read_text(file: Path, *, max_bytes: int = MAX_BYTES) -> str:
    """The text of a regular file.

    Raises:
        ValueError: If it is missing, something else than a file, larger than ``max_bytes``, or not
            UTF-8; the message names it.
    """
    return _decoded(file, read_bytes(file, max_bytes=max_bytes))


def _decoded(file: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text (byte {error.start}): {_ADVICE}") from None


def read_bytes(file: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file; never waits, as a pipe would make it.

    Raises:
        ValueError: If it is missing, something else than a file, or larger than ``max_bytes``.
        OSError: If it cannot be read.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{file} does not exist") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise ValueError(f"{file} is not a regular file")
    with os.fdopen(descriptor, "rb") as stream:
        if status.st_size > max_bytes:
            raise ValueError(f"{file} has {status.st_size:,} bytes, more than {max_bytes:,}")
        return stream.read()


def _json_object(where: Path | str, text: str) -> dict[str, object]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ValueError(f"{where} is not valid JSON ({reason}): {_ADVICE}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{where} holds {_kind(values)}, expected an object: {_ADVICE}")
    level: list[object] = [values]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise ValueError(f"{where} is nested deeper than {MAX_DEPTH}: {_ADVICE}")
    return values


def _inside(value: object) -> list[object]:
    """Lists and objects within one."""
    items = value.values() if isinstance(value, dict) else value
    assert isinstance(items, Iterable)
    return [item for item in items if isinstance(item, dict | list)]


def _finite(value: object) -> float | None:
    """A number as it is; None for anything else, infinities included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    return f"a {type(value).__name__}" if isinstance(value, list | str) else f"{value!r:.40}"


def _bounds(low: Bound, high: Bound) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f" of at least {low:g}"
    return f" of at most {high:g}" if math.isinf(low) else f" within {low:g} to {high:g}"
