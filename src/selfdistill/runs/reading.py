"""JSON and YAML files of runs and recipes, from whoever they come.

Sizes and depths are bounded, nothing is executed or unfolded, and every error names its file.
"""

import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from .stored import ADVICE, Stored

MAX_BYTES = 64 << 20
MAX_DEPTH = 32
YAML = "tag:yaml.org,2002:"
PLAIN_TAGS = ("null", "bool", "int", "float", "str", "seq", "map")


def read_json(file: Path, *, max_bytes: int = MAX_BYTES) -> Stored:
    """Read a file that holds a JSON object.

    Raises:
        ValueError: If it is missing, not a regular file, too large, or not a JSON object; the
            message names the file.
    """
    return parse_json(file, read_bytes(file, max_bytes=max_bytes))


def parse_json(file: Path, content: bytes) -> Stored:
    """The JSON object that a file's bytes hold."""
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
        raise ValueError(f"{file} is not UTF-8 text (byte {error.start}): {ADVICE}") from None


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
        raise ValueError(f"{where} is not valid JSON ({reason}): {ADVICE}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{where} holds {_kind(values)}, expected an object: {ADVICE}")
    level: list[object] = [values]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise ValueError(f"{where} is nested deeper than {MAX_DEPTH}: {ADVICE}")
    return values


def _inside(value: object) -> list[object]:
    """Lists and objects within one."""
    items = value.values() if isinstance(value, dict) else value
    assert isinstance(items, Iterable)
    return [item for item in items if isinstance(item, dict | list)]


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    return f"a {type(value).__name__}" if isinstance(value, list | str) else f"{value!r:.40}"
