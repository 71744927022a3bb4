"""Pages of the API reference: an entry for every name that the package exports to users."""

import importlib
from pathlib import Path

import selfdistill as sd

ROOMS = {
    "methods": "Methods",
    "backbones": "Networks",
    "losses": "Losses",
    "data": "Data and augmentations",
    "testing": "Checks for your own code",
}
"""Rooms with a page of their own; further names of the package itself stand on the first page."""


def exported(room: str) -> dict[str, str]:
    """The names that a room exports, each with the path by which users import it."""
    module = importlib.import_module(f"selfdistill.{room}")
    public = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    ]
    own = {name: f"selfdistill.{room}.{name}" for name in public}
    short = {
        name: f"selfdistill.{name}"
        for name in sd.__all__
        if name in own and getattr(sd, name) is getattr(module, name)
    }
    return own | short


def entries() -> dict[str, list[str]]:
    """The paths of all entries, by the name of their page."""
    pages = {room: sorted(exported(room).values(), key=str.casefold) for room in ROOMS}
    elsewhere = {path for paths in pages.values() for path in paths}
    first = [f"selfdistill.{name}" for name in sd.__all__ if name not in ROOMS]
    loaded = [
        f"selfdistill.deployment.{name}"
        for name in ("Model", "ClassProbability", "EarlyExits", "ExitRule")
    ]
    return {"index": [path for path in first if path not in elsewhere] + loaded} | pages


def write_reference(folder: Path) -> None:
    """Write a page for each room, with an entry for every name."""
    folder.mkdir()
    for page, paths in entries().items():
        if page == "index":
            module, title, intro = sd, "Training and using networks", links_to_rooms()
        else:
            module = importlib.import_module(f"selfdistill.{page}")
            about = (module.__doc__ or "").partition("Examples:")[0]
            title, intro = ROOMS[page], f"`selfdistill.{page}`: {about}"
        lines = "\n\n".join(f"::: {path}" for path in paths)
        (folder / f"{page}.md").write_text(f"# {title}\n\n{intro}\n\n{lines}\n")


def links_to_rooms() -> str:
    """What the first page says of the others."""
    rooms = " · ".join(f"[{title}]({room}.md)" for room, title in ROOMS.items())
    return f"`import selfdistill as sd`. {rooms}. Equations of methods: [Methods](../methods.md)."
