"""Objects that are passed in Python where the command line has names."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..backbones import Backbone
from ..backbones.create import declared_size
from ..data import DataSet, ImageSet, Splits
from ..data.in_memory import InMemory, divided
from ..data.map_dataset import MapDataset
from ..methods import METHODS, Method
from .options import PASSED, Plain, Settings, parse
from .recipe import BackboneChoice

Images = str | Path | DataSet | Splits | ImageSet | MapDataset
Learning = str | type[Method] | partial[Method]
PLACEHOLDER = ("--data=ImageFolder", "--data.root=.")
BACKBONE = "resnet18"
"""What the recipes for pictures of one's own train."""


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
    held: Splits | None = None
    if isinstance(data, str | Path):
        words.append(f"--data={data}")
    elif isinstance(data, DataSet):
        words += _data_words(data)
    elif data is not None:
        held = _splits(data, _size(options, backbone))
        size = held.input_size or held.train.images.shape[2]
        words += [*PLACEHOLDER, f"--data.image-size={size}"]
        options = {name: value for name, value in options.items() if name != "image_size"}
    if isinstance(backbone, str):
        words.append(f"--backbone={backbone}")
    settings = parse([*words, *_method_words(method), *_words(options)])
    if held is not None:
        settings = _with_images(settings, held)
    return _with_network(settings, backbone) if isinstance(backbone, Backbone) else settings


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
    options = {f"data.{name}": getattr(data, name) for name in arguments}
    return [f"--data={type(data).__name__}", *_words(options)]


def _size(options: Mapping[str, object], backbone: str | Backbone | None) -> int:
    """Height and width that a data set's pictures are brought to."""
    told = options.get("image_size")
    if isinstance(told, int):
        return told
    if isinstance(backbone, Backbone):
        return backbone.input_size[1]
    return declared_size(backbone or BACKBONE)


def _splits(data: Splits | ImageSet | MapDataset, size: int) -> Splits:
    if isinstance(data, Splits):
        return data
    images = data if isinstance(data, ImageSet) else ImageSet.from_dataset(data, image_size=size)
    return divided(images)


def _with_images(settings: Settings, held: Splits) -> Settings:
    data: Plain = {"class_path": PASSED, "init_args": {}}
    whereabouts = {k: v for k, v in settings.whereabouts.items() if k != "data.root"}
    return settings._replace(
        recipe=replace(settings.recipe, data=InMemory(held)),
        resolved={**settings.resolved, "data": data},
        whereabouts=whereabouts,
        name=settings.name.partition("/")[0],
    )


def _with_network(settings: Settings, backbone: Backbone) -> Settings:
    named: Plain = {"name": PASSED, "network": type(backbone.network).__name__}
    return settings._replace(
        recipe=replace(settings.recipe, backbone=BackboneChoice(name=PASSED)),
        resolved={**settings.resolved, "backbone": named},
        backbone=backbone,
    )
