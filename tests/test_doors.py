"""What a room exports is documented."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import selfdistill

ROOMS = [
    name
    for _, name, package in pkgutil.walk_packages(selfdistill.__path__, "selfdistill.")
    if package or name.count(".") == 1
]
PACKAGE = Path(selfdistill.__file__).parent
SIDE_DOORS = {f"reports.{name}" for name in ("page", "run_page", "stages", "opinion", "model_card")}
"""What draws or writes cards: matplotlib and the hub's client take a second to import."""


def exported(room: str) -> Iterator[tuple[str, object]]:
    """The names that a room exports, and the public members of its classes."""
    module = importlib.import_module(room)
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        ours = getattr(value, "__module__", "").startswith("selfdistill")  # not aliases of types
        if not ours or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        yield name, value
        for member, inner in vars(value).items() if inspect.isclass(value) else ():
            callable_ = inspect.isfunction(inner) or isinstance(inner, (property, classmethod))
            if callable_ and not member.startswith("_"):
                yield f"{name}.{member}", inner


def documented(value: object) -> bool:
    """Whether somebody wrote a docstring: dataclasses and named tuples make one up."""
    if not inspect.isclass(value):
        return bool(inspect.getdoc(value))
    own = vars(value).get("__doc__") or ""
    return bool(own) and not own.startswith(f"{value.__name__}(")


@pytest.mark.parametrize("room", ["selfdistill", *ROOMS])
def test_what_a_room_exports_has_a_docstring(room: str) -> None:
    """Of overriding methods the base's docstring counts; of classes only their own does."""
    bare = [name for name, value in exported(room) if not documented(value)]
    assert not bare, f"{room} exports without a docstring: {', '.join(bare)}"


def test_rooms_import_each_other_by_their_doors():
    inside: list[str] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).parts
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.ImportFrom):
                continue
            module = node.module or ""
            assert not module.startswith("selfdistill"), f"{'/'.join(parts)}: import relatively"
            if not node.level or not module:
                continue
            target = (*parts[: len(parts) - node.level], *module.split("."))
            door = target[0] == parts[0] or (PACKAGE.joinpath(*target) / "__init__.py").exists()
            if len(target) > 1 and not door and ".".join(target) not in SIDE_DOORS:
                inside.append(f"{'/'.join(parts)} imports from {'.'.join(target)}")
    assert not inside


def test_only_the_command_line_makes_options():
    """Words such as ``--method`` stand in messages elsewhere, never by themselves."""
    words: list[str] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        place = file.relative_to(PACKAGE).as_posix()
        if place.startswith("cli/") or place == "config/words.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            elements = node.elts if isinstance(node, ast.List | ast.Tuple) else []
            texts = [ast.unparse(one) for one in elements]
            if "'git'" not in texts and any(
                re.fullmatch(r"f?'--[a-z{][^ ]*'", text) for text in texts
            ):
                words.append(f"{place}:{node.lineno}: {', '.join(texts)}")
    assert not words
