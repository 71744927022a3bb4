"""Objects that are passed in Python where the command line has names."""

import hashlib
import inspect
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..backbones import Backbone
from ..data import DATA_SETS, DataSet, ImageFolder, ImageSet, Splits
from ..data.image_set import MapDataset
from ..data.in_memory import InMemory, divided
from ..methods import METHODS, Method
from .parser import PASSED, Plain, Settings, parse
from .schema import BackboneChoice

Images = str | Path | DataSet | Splits | ImageSet | MapDataset
Learning = str | type[Method] | partial[Method]
VALUES = "text, a path, a number, or a list of these"
CONFIG = "a recipe's name or file"
PLACEHOLDER = ("--data=ImageFolder", "--data.root=.")


def settings_of(
    *,
    config: str | None,
    data: Images | None,
    backbone: str | Backbone | None,
    method: Learning | None,
    options: Mapping[str, object],
) -> Settings:
    """The settings that names, objects and options stand for.

    Args:
        config: What ``--config`` takes.
        data: What ``--data`` takes, or images.
        backbone: What ``--backbone`` takes, or a network.
        method: What ``--method`` takes, or a method's class, or a partial call of one.
        options: Further options of ``train`` without their hyphens, by name.

    Raises:
        ValueError: If something is misspelt, missing or impossible.
    """
    words = [] if config is None else [f"--config={_text('config', config, CONFIG)}"]
    if isinstance(data, PathLike):
        data = Path(data)
    elif isinstance(data, DataSet) and type(data) not in DATA_SETS:
        data = data.splits()  # the command knows no other kinds
    _check_images(data)
    _check_network(backbone)
    if isinstance(data, str | Path):
        words.append(f"--data={data}")
    elif isinstance(data, DataSet):
        words += _data_words(data)
    elif data is not None:
        words += [*PLACEHOLDER, *_size_words(data, backbone)]
    if isinstance(backbone, str):
        words.append(f"--backbone={backbone}")
    settings = parse([*words, *_method_words(method), *_words(options)])
    if data is not None and not isinstance(data, str | Path | DataSet):
        settings = _with_images(settings, data)
    if not isinstance(backbone, Backbone):
        return settings
    if extra := [name for name in options if name.startswith("backbone.")]:
        raise ValueError(f"--{extra[0]} beside a network that is passed: build the network so")
    return _with_network(settings, backbone)


def checked_options(options: Mapping[str, object]) -> dict[str, object]:
    """Options by name.

    Raises:
        ValueError: If they are something else.
    """
    if not isinstance(options, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"options is {_kind(options)}: give them by name, as {{'lr': 0.1}}")
    return {str(name): value for name, value in options.items()}


def _words(options: Mapping[str, object]) -> list[str]:
    return [
        f"--{name}={_word(name, value)}" for name, value in options.items() if value is not None
    ]


def _word(name: str, value: object) -> str:
    if isinstance(value, str | PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic | np.ndarray | Tensor):
        value = value.tolist()
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} is {_kind(value)}: give what the command takes: {VALUES}"
        ) from None


def _text(name: str, value: object, expected: str) -> str:
    if not isinstance(value, str | PathLike):
        raise ValueError(f"{name} is {_kind(value)}: give {expected}")
    return os.fspath(value)


def _kind(value: object) -> str:
    """What a value is, for a message."""
    if inspect.isclass(value):
        return f"the class {value.__name__}"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def _check_images(data: object) -> None:
    known = str | Path | DataSet | Splits | ImageSet | None
    if isinstance(data, known):
        return
    if isinstance(data, DataLoader):
        raise ValueError("data is a DataLoader: pass its data set, loader.dataset")
    mapped = isinstance(data, MapDataset) and not isinstance(
        data, type | Mapping | Tensor | np.ndarray | bytes
    )
    if not mapped:
        raise ValueError(
            f"data is {_kind(data)}: give a path, the name of a data set, one of selfdistill.data, "
            "or pairs of a picture and a class with a length, in the style of torchvision"
        )


def _check_network(backbone: object) -> None:
    if isinstance(backbone, nn.Module) and not isinstance(backbone, Backbone):
        raise ValueError(
            f"backbone is {_kind(backbone)}, whose stages are not known: pass "
            "sd.Tapped(module, [names of the submodules that end its stages], input_size=(3, "
            "height, width)), or a network's name"
        )
    if not isinstance(backbone, str | Backbone | None):
        raise ValueError(
            f"backbone is {_kind(backbone)}: give a network's name, sd.create_backbone(…) or "
            "sd.Tapped(…)"
        )


def _method_words(method: object) -> list[str]:
    if method is None or isinstance(method, str):
        return [] if method is None else [f"--method={method}"]
    chosen, options = (
        (method.func, method.keywords) if isinstance(method, partial) else (method, {})
    )
    if isinstance(chosen, Method):
        raise ValueError(
            f"method is {_kind(chosen)} that exists already: give its class, "
            f"{type(chosen).__name__}, or functools.partial({type(chosen).__name__}, option=…)"
        )
    if not inspect.isclass(chosen) or not issubclass(chosen, Method):
        raise ValueError(
            f"method is {_kind(chosen)}: give a name, a class derived from sd.Method, or a "
            "functools.partial of it"
        )
    if isinstance(method, partial) and method.args:
        raise ValueError(
            f"method is a partial of {chosen.__name__} with {len(method.args)} arguments that have "
            "no name: the network comes first and is passed by training; name the others"
        )
    if "." in chosen.__qualname__:
        raise ValueError(
            f"method is {chosen.__qualname__}, which only its function knows: define the class at "
            "the top of a file, where a run finds it again"
        )
    name = chosen.__name__ if chosen in METHODS else f"{chosen.__module__}.{chosen.__qualname__}"
    return [f"--method={name}", *_words({f"method.{key}": v for key, v in options.items()})]


def _data_words(data: DataSet) -> list[str]:
    """The call that made a data set: each argument is an attribute of its name."""
    arguments = inspect.signature(type(data)).parameters
    options = {f"data.{name}": getattr(data, name) for name in arguments}
    return [f"--data={type(data).__name__}", *_words(options)]


def _size_words(data: Splits | ImageSet | MapDataset, backbone: str | Backbone | None) -> list[str]:
    """The size that the images or the network settle; none where the recipe's network does."""
    size = None
    if isinstance(data, Splits):
        size = data.input_size or data.train.images.shape[2]
    elif isinstance(data, ImageSet):
        size = data.images.shape[2]
    elif isinstance(backbone, Backbone):
        size = backbone.input_size[1]
    return [] if size is None else [f"--data.image-size={size}"]


def _splits(data: Splits | ImageSet | MapDataset, size: int) -> Splits:
    if isinstance(data, Splits):
        return data
    images = data if isinstance(data, ImageSet) else ImageSet.from_dataset(data, image_size=size)
    return divided(images)


def _with_images(settings: Settings, data: Splits | ImageSet | MapDataset) -> Settings:
    placeholder = settings.recipe.data
    assert isinstance(placeholder, ImageFolder)
    held = _splits(data, placeholder.image_size)
    named: Plain = {"class_path": PASSED, "init_args": {"split": held.digest()[:16]}}
    whereabouts = {k: v for k, v in settings.whereabouts.items() if k != "data.root"}
    return settings._replace(
        recipe=replace(settings.recipe, data=InMemory(held)),
        resolved={**settings.resolved, "data": named},
        whereabouts=whereabouts,
        name=settings.name.partition("/")[0],
    )


def _with_network(settings: Settings, backbone: Backbone) -> Settings:
    shapes = {name: tuple(value.shape) for name, value in backbone.network.state_dict().items()}
    named: Plain = {
        "name": PASSED,
        "network": type(backbone.network).__name__,
        "shapes": hashlib.sha256(str(shapes).encode()).hexdigest()[:16],
    }
    return settings._replace(
        recipe=replace(settings.recipe, backbone=BackboneChoice(name=PASSED)),
        resolved={**settings.resolved, "backbone": named},
        backbone=backbone,
    )
