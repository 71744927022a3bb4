"""Which classes settings may name by a path: those of the kinds that a recipe is made of."""

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..data import Augmentation, DataSet
from ..data.mixing import Mixing
from ..methods import Method
from ..runs import parse_yaml
from .own_images import Options
from .user_code import is_own_code, named, own_hashes

KINDS: dict[str, type] = {
    "method": Method,
    "data": DataSet,
    "augment": Augmentation,
    "mixing": Mixing,
    "optimizer": Optimizer,
    "schedule": LRScheduler,
}
NETWORK = "backbone.name"
"""The option that may name a function of one's own."""


def open_class(option: str, path: str) -> None:
    """Import a class, so that the parser finds it.

    Args:
        option: The option that names it.
        path: ``module.Class``; a bare name passes as it is.

    Raises:
        ValueError: If there is none, or it is not a class of the kind that the option takes.
    """
    if "." not in path:
        return
    kind, found = KINDS[option], named(path)
    if not (inspect.isclass(found) and issubclass(found, kind)):
        raise ValueError(f"--{option} {path}: it is not a subclass of {kind.__name__}")


def open_classes(options: Options) -> None:
    """Import every class that options and configurations name by a path.

    Raises:
        ValueError: As :func:`open_class` does, or if an option takes no class.
    """
    for option, path in named_code(options):
        if option in KINDS:
            open_class(option, path)
        elif option != NETWORK:
            raise ValueError(f"--{option} takes no class: leave {path!r} out")


def named_code(options: Options) -> Iterator[tuple[str, str]]:
    """Options and what each names by a path: classes, and functions that make networks."""
    for option, value in options:
        if option == "config":
            for name, section in json.loads(value).items():
                yield from _named(name, section)
        else:
            group, _, field = option.rstrip("+").partition(".")
            content = {"class_path": value} if field == "class_path" else decoded(value)
            yield from _named(group if field in ("", "class_path") else option, content)


def _named(option: str, content: object) -> Iterator[tuple[str, str]]:
    if isinstance(content, str) and (option in KINDS or option in (NETWORK, "backbone")):
        yield option if option in KINDS else NETWORK, content
    elif isinstance(content, list):
        for item in content:
            yield from _named(option, item)
    elif isinstance(content, dict):
        if "class_path" in content:
            yield option, str(content["class_path"])
        for name, value in content.items():
            yield from _named(f"{option}.{name}", value)


def refuse_own_code(options: Options, recorded: Mapping[str, str], where: Path | str) -> None:
    """Refuse to run files of the current folder that a stored recipe names.

    One passes where it is the very file that a run recorded, or was opened already.

    Args:
        options: What the recipe says.
        recorded: Hashes of files, as a run recorded them.
        where: Where the recipe is stored, for the message.

    Raises:
        ValueError: If there is such a file.
    """
    for _, path in named_code(options):
        if not is_own_code(path):
            continue
        found = own_hashes(path)
        if not found or any(recorded.get(file) != value for file, value in found.items()):
            known = any(file in recorded for file in found)
            raise ValueError(
                f"{where} names {path}, code of the current folder that "
                f"{'has changed since' if known else 'it does not know'}: add --allow-own-code to "
                "run it"
            )


def own_code(recipe: Mapping[str, object]) -> dict[str, str]:
    """Hashes of the current folder's files whose code a recipe names."""
    options = [("config", json.dumps(recipe))]
    return {k: v for _, path in named_code(options) for k, v in own_hashes(path).items()}


def decoded(value: str) -> object:
    """What the parser makes of a value; the text itself where it is not YAML."""
    try:
        return parse_yaml(value)
    except ValueError:
        return value
