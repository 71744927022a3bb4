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
from typing import cast

import numpy as np
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..backbones import Backbone
from ..data import (
    DATA_SETS,
    DataSet,
    ImageFolder,
    ImageSet,
    InMemory,
    MapDataset,
    Splits,
    split_in_memory,
)
from ..limits import check_image_size
from ..methods import METHODS, Method
from . import typed
from .image_sizes import read_size
from .merging import Options, arguments, section
from .own_images import network_size
from .recipe import Recipe, Settings
from .schema import PASSED
from .words import read_settings, spelled

Images = str | Path | DataSet | Splits | ImageSet | MapDataset
Learning = str | type[Method] | partial[Method]
DEFAULT_SIZE = 224
ROOT = frozenset({"root"})


def settings_of(
    *,
    config: str | None = None,
    data: Images | None = None,
    backbone: str | Backbone | None = None,
    method: Learning | None = None,
    options: Mapping[str, object],
) -> Settings:
    """What names, objects and options stand for.

    Args:
        config: What ``--config`` takes.
        data: What ``--data`` takes, or images.
        backbone: What ``--backbone`` takes, or a network.
        method: What ``--method`` takes, or a method's class, or a partial call of one.
        options: Further options of ``train`` without their hyphens, by name.

    Raises:
        ValueError: If something is misspelt, missing or impossible.
    """
    if isinstance(data, PathLike):
        data = Path(data)
    _check_images(data)
    _check_network(backbone)
    if not isinstance(config, str | PathLike | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"config is {_kind(config)}: give a recipe's name or file")
    words: Options = [] if config is None else [("config", os.fspath(config))]
    shipped = type(data) in DATA_SETS
    if isinstance(data, str | Path):
        words.append(("data", str(data)))
    elif shipped:  # each argument of its call is an attribute of its name
        signature = inspect.signature(type(data)).parameters
        own = {f"data.{name}": getattr(data, name) for name in signature}
        words += [("data", type(data).__name__), *_plain_options(own)]
    if isinstance(backbone, str):
        words.append(("backbone", backbone))
    words = spelled([*words, *_method_options(method), *_plain_options(options)])
    if data is None or isinstance(data, str | Path) or shipped:
        settings = read_settings(words)
    else:
        settings = _with_images(words, data, backbone)
    if not isinstance(backbone, Backbone):
        return settings
    if extra := [name for name, _ in words if name.startswith("backbone.")]:
        raise ValueError(f"--{extra[0]} beside a network that is passed: build the network so")
    shapes = {name: tuple(value.shape) for name, value in backbone.network.state_dict().items()}
    described = {
        "name": PASSED,
        "network": type(backbone.network).__name__,
        "shapes": hashlib.sha256(str(shapes).encode()).hexdigest()[:16],
    }
    return replace(settings, recipe=settings.recipe.resolved(backbone=described), backbone=backbone)


def checked_options(options: Mapping[str, object]) -> dict[str, object]:
    """Options by name.

    Raises:
        ValueError: If they are something else.
    """
    if not isinstance(options, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"options is {_kind(options)}: give them by name, as {{'lr': 0.1}}")
    return {str(name): value for name, value in options.items()}


def _plain_options(options: Mapping[str, object]) -> Options:
    """Options with values as words and files have them; what is None is left out."""
    plain: Options = []
    for name, value in options.items():
        if isinstance(value, PathLike):
            value = os.fspath(value)
        elif isinstance(value, np.generic | np.ndarray | Tensor):
            value = value.tolist()
        try:
            plain += [] if value is None else [(name, json.loads(json.dumps(value)))]
        except (TypeError, ValueError):
            raise ValueError(
                f"{name} is {_kind(value)}: give what the command takes: text, a path, a number, "
                "or a list of these"
            ) from None
    return plain


def _kind(value: object) -> str:
    """What a value is, for a message."""
    if inspect.isclass(value):
        return f"the class {value.__name__}"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def _check_images(data: object) -> None:
    if isinstance(data, str | Path | DataSet | Splits | ImageSet | None):
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


def _method_options(method: object) -> Options:
    if method is None or isinstance(method, str):
        return [] if method is None else [("method", method)]
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
    own = {f"method.{key}": value for key, value in options.items()}
    return [("method", name), *_plain_options(own)]


def _with_images(
    options: Options,
    data: DataSet | Splits | ImageSet | MapDataset,
    backbone: str | Backbone | None,
) -> Settings:
    """Settings whose images only Python knows: their hash stands for them."""
    for name, _ in options:
        if name.startswith("data.") and name not in ("data.image_size", "data.cache_dir"):
            raise ValueError(f"--{name} beside images that are passed: choose them so")
    # all else is checked before images are read
    settings = read_settings(
        [("data", PASSED), *(o for o in options if not o[0].startswith("data."))]
    )
    recipe = settings.recipe
    if isinstance(data, DataSet):
        splits = data.splits()
    elif isinstance(data, Splits):
        splits = data
    else:
        if not isinstance(data, ImageSet):
            size = (
                read_size(dict(options).get("data.image_size"))
                or (list(backbone.input_size[1:]) if isinstance(backbone, Backbone) else None)
                or arguments(section(recipe.values, "data")).get("image_size")  # the recipe's
                or network_size(dict(recipe.values))
                or DEFAULT_SIZE
            )
            # an image size, as a folder of pictures takes it
            checked = typed.read(ImageFolder, {"image_size": read_size(size)}, "data", without=ROOT)
            size = cast("int | tuple[int, int]", checked.typed["image_size"])
            check_image_size(size, "image size")
            data = ImageSet.from_dataset(data, image_size=size)
        splits = split_in_memory(data)
    named = {"class_path": PASSED, "init_args": {"split": splits.digest()[:16]}}
    reading = recipe.reading._replace(values={**recipe.values, "data": named})
    recipe = Recipe.from_reading(reading, recipe.name.partition("/")[0], recipe.note)
    return replace(settings, recipe=recipe, data=InMemory(splits))
