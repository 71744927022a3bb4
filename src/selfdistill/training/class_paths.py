"""Which classes settings may name by a path: those of the kinds that a recipe is made of."""

import inspect
import json

import yaml
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..data import Augmentation, DataSet
from ..data.mixing import Mixing
from ..methods import Method
from .own_files import named
from .own_images import Options

KINDS: dict[str, type] = {
    "method": Method,
    "data": DataSet,
    "augment": Augmentation,
    "mixing": Mixing,
    "optimizer": Optimizer,
    "schedule": LRScheduler,
}


def open_class(option: str, path: str) -> None:
    """Import a class, so that the parser finds it.

    Args:
        option: The option that names it.
        path: ``module.Class``; a bare name passes as it is.

    Raises:
        ValueError: If there is none, or it is no class of the kind that the option takes.
    """
    if "." not in path:
        return
    kind, found = KINDS.get(option), named(path)
    if kind is not None and not (inspect.isclass(found) and issubclass(found, kind)):
        raise ValueError(f"--{option} {path}: it is no subclass of {kind.__name__}")


def open_classes(options: Options) -> None:
    """Import every class that options and configurations name by a path.

    Raises:
        ValueError: As :func:`open_class` does.
    """
    for option, value in options:
        if option == "config":
            for name, section in json.loads(value).items():
                _open_all(name, section)
        else:
            group, _, field = option.rstrip("+").partition(".")
            content = {"class_path": value} if field == "class_path" else _read(value)
            _open_all(group if field in ("", "class_path") else option, content)


def _open_all(option: str, content: object) -> None:
    if isinstance(content, str) and option in KINDS:
        open_class(option, content)
    elif isinstance(content, list):
        for item in content:
            _open_all(option, item)
    elif isinstance(content, dict):
        if "class_path" in content:
            open_class(option, str(content["class_path"]))
        for name, value in content.items():
            _open_all(f"{option}.{name}", value)


def _read(value: str) -> object:
    """What the parser makes of a value; the text itself where it is none."""
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value
