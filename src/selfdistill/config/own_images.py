"""Pictures of one's own: what ``--data PATH`` stands for, their recipe, size and name."""

from collections.abc import Mapping
from pathlib import Path

from ..backbones import declared_size
from ..data.images import HUB, TABLES
from .merging import Options, arguments, put, section
from .schema import PASSED
from .typed import Plain
from .user_code import is_own_file

OWN_IMAGES = ("ImageFolder", "LabelTable", "HuggingFace")
"""Data sets of any size and any classes."""


def spell_out(value: str) -> Options:
    """The options that a value of ``--data`` stands for; none for the name of a data set."""
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
    """Put a recipe for pictures of one's own first, where none was asked for, and say so."""
    given = dict(options)
    if "config" in given or given.get("data") not in (*OWN_IMAGES, PASSED):
        return options, ""
    pretrained = str(given.get("backbone.pretrained", "false")).lower() != "false"
    name = "finetune" if pretrained else "scratch"
    start = "pretrained" if pretrained else "new"
    note = f"recipe {name}, for pictures of one's own and {start} weights (--config names another)"
    return [("config", name), *options], note


def own_name(kind: object, options: Mapping[str, object]) -> str | None:
    """What pictures of one's own are called: by it their runs are told apart.

    None for data sets of another class, or where no option says where the pictures are.
    """
    found = [str(options[o]) for o in ("data.table", "data.root", "data.name") if o in options]
    if kind not in OWN_IMAGES or not found:
        return None
    path = Path(found[0]).resolve()
    return path.stem if path.suffix.lower() in TABLES else path.name


def fit_size(recipe: Plain) -> Plain:
    """Let pictures be as large as the network is made for, unless a size was given."""
    data = section(recipe, "data")
    if data.get("class_path") not in OWN_IMAGES or "image_size" in arguments(data):
        return recipe
    size = network_size(recipe)
    return recipe if size is None else put(recipe, [("data.image_size", size)])


def network_size(recipe: Plain) -> int | None:
    """Height and width that a recipe's network is made for; None where nobody knows."""
    name = section(recipe, "backbone").get("name")
    unknown = not name or name == PASSED or is_own_file(str(name))
    return None if unknown else declared_size(str(name))
