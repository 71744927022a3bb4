"""What ``--data PATH`` stands for, and what a recipe for pictures of one's own leaves to them."""

import json
from collections.abc import Mapping
from pathlib import Path

from ..backbones.create import declared_size
from .user_code import is_own_file

OWN_IMAGES = ("ImageFolder", "LabelTable", "HuggingFace")
"""Data sets of any size and any classes."""
HUB = "hf:"
TABLES = (".csv", ".tsv")
Options = list[tuple[str, str]]
"""Options without their hyphens, each with its value, in the order given."""


def spell_out(value: str) -> Options:
    """The options that a value of ``--data`` stands for, where it is no data set's name.

    Raises:
        ValueError: If it looks like a path, and nothing lies there.
    """
    path = Path(value)
    if value.startswith(HUB):
        return [("data", "HuggingFace"), ("data.name", value.removeprefix(HUB))]
    if path.suffix.lower() in TABLES and path.is_file():
        return [("data", "LabelTable"), ("data.table", value), ("data.root", str(path.parent))]
    if path.is_dir():
        return [("data", "ImageFolder"), ("data.root", value)]
    if path.suffix.lower() in TABLES or "/" in value or "\\" in value or value.startswith("."):
        what = "is neither a file nor a folder" if path.exists() else "nothing lies there"
        raise ValueError(
            f"--data {value}: {what}; give a folder of class folders, a table of "
            "images and labels (.csv), hf:owner/name, or the name of a data set"
        )
    return []


def choose_recipe(options: Options) -> tuple[Options, str]:
    """Put a recipe for pictures of one's own first, where none was asked for.

    Returns:
        The options, and a line that says which recipe was chosen and why; empty if none was.
    """
    given = dict(options)
    if "config" in given or given.get("data") not in OWN_IMAGES:
        return options, ""
    pretrained = given.get("backbone.pretrained", "false").lower() != "false"
    name = "finetune" if pretrained else "scratch"
    start = "pretrained" if pretrained else "new"
    note = f"recipe {name}, for pictures of one's own and {start} weights (--config names another)"
    return [("config", name), *options], note


def own_name(kind: str | None, options: Mapping[str, str]) -> str | None:
    """What pictures of one's own are called: by it their runs are told apart.

    Args:
        kind: Name of the data set's class.
        options: Options of ``train``.

    Returns:
        None for other data sets, or where no option says where the pictures are.
    """
    places = ("data.table", "data.root", "data.name")
    found = [options[place] for place in places if place in options]
    if kind not in OWN_IMAGES or not found:
        return None
    path = Path(found[0]).resolve()
    return path.stem if path.suffix.lower() in TABLES else path.name


def fit_size(options: Options) -> Options:
    """Let pictures be as large as the network is made for, unless a size was given."""
    given: dict[str, object] = {}
    for option, value in options:
        given |= json.loads(value) if option == "config" else {option: value}
    data = _mapping(given.get("data"), "class_path")
    name = given.get("backbone.name") or _mapping(given.get("backbone"), "name").get("name")
    told = "data.image_size" in given or "image_size" in _mapping(data.get("init_args"))
    if data.get("class_path") not in OWN_IMAGES or told or name is None or is_own_file(str(name)):
        return options
    return [*options, ("data.image_size", str(declared_size(str(name))))]


def _mapping(value: object, name: str = "") -> dict[str, object]:
    """A group of options; a bare value is its part of that name."""
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {name: value}
