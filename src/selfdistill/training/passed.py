"""Objects that are passed in Python where the command line has names."""

import argparse
import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..backbones import Backbone
from ..data import DataSet, ImageFolder, ImageSet, Splits
from ..data.in_memory import InMemory, divided
from ..data.map_dataset import MapDataset
from ..methods import METHODS, Method
from .options import PASSED, Plain, Settings, parse
from .recipe import BackboneChoice

Images = str | Path | DataSet | Splits | ImageSet | MapDataset
Learning = str | type[Method] | partial[Method]
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
    words = [] if config is None else [f"--config={config}"]
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


def _words(options: Mapping[str, object]) -> list[str]:
    return [f"--{name}={_word(value)}" for name, value in options.items() if value is not None]


def _word(value: object) -> str:
    plain = isinstance(value, str | Path)
    return str(value) if plain else json.dumps(value)


def _method_words(method: Learning | None) -> list[str]:
    if method is None or isinstance(method, str):
        return [] if method is None else [f"--method={method}"]
    chosen, options = (
        (method.func, method.keywords) if isinstance(method, partial) else (method, {})
    )
    name = chosen.__name__ if chosen in METHODS else f"{chosen.__module__}.{chosen.__qualname__}"
    return [f"--method={name}", *_words({f"method.{key}": v for key, v in options.items()})]


def _data_words(data: DataSet) -> list[str]:
    """The call that made a data set: each argument is an attribute of its name."""
    arguments = inspect.signature(type(data)).parameters
    held = vars(data) | vars(vars(data).get("preparation", argparse.Namespace()))
    options = {f"data.{name}": held[name] for name in arguments}
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
    held = _splits(data, placeholder.preparation.image_size)
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
