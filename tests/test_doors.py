"""What a room exports is documented."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import selfdistill

ROOMS = [
    name
    for _, name, package in pkgutil.walk_packages(selfdistill.__path__, "selfdistill.")
    if package or name.count(".") == 1
]


def exported(room: str) -> Iterator[tuple[str, object]]:
    """The names that a room exports, and the public members of its classes."""
    module = importlib.import_module(room)
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        yield name, value
        for member, inner in vars(value).items() if inspect.isclass(value) else ():
            callable_ = inspect.isfunction(inner) or isinstance(inner, (property, classmethod))
            if callable_ and not member.startswith("_"):
                yield f"{name}.{member}", inner


@pytest.mark.parametrize("room", ["selfdistill", *ROOMS])
def test_what_a_room_exports_has_a_docstring(room: str) -> None:
    """Of overriding methods, the base's docstring counts."""
    bare = [name for name, value in exported(room) if not inspect.getdoc(value)]
    assert not bare, f"{room} exports without a docstring: {', '.join(bare)}"
