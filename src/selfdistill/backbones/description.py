"""The description of a saved network, in timm's schema, read with suspicion."""

from dataclasses import dataclass
from pathlib import Path

from ..limits import max_classes, max_image_size
from ..preprocessing import CROP_MODES, ChannelValues, Fit, Preprocessing
from ..runs import Stored, read_checked_json
from .base import Arguments

CONFIG = "config.json"
MAX_CHANNELS = 1024
MAX_WIDTH = 1 << 16


@dataclass(frozen=True)
class Description:
    """What a model folder says of its network.

    Args:
        architecture: The network's name.
        arguments: What it is built with beside its classes: ``in_chans``, ``width``,
            ``image_size`` (of images that are not square height and width), as far as they are not
            the usual.
        classes: Names of the classes.
        input_size: Channels, height and width of the images.
        preprocessing: How pictures become these; of older runs, some say bicubic: their networks
            were tested on pictures scaled so.
        origin: Where the weights come from.
    """

    architecture: str
    arguments: Arguments
    classes: tuple[str, ...]
    input_size: tuple[int, int, int]
    preprocessing: Preprocessing
    origin: dict[str, object]


def read_description(folder: Path) -> Description:
    """Read ``config.json`` of a model folder.

    Raises:
        ValueError: If it is missing or damaged, or a field is not what it must be; the message
            names file and field.
    """
    return parse_description(read_checked_json(folder / CONFIG))


def parse_description(content: Stored) -> Description:
    """The description that the fields of a ``config.json`` give, wherever they were read.

    Raises:
        ValueError: As :func:`read_description` does.
    """
    declared = content.section("pretrained_cfg")
    count = content.integer("num_classes", 1, max_classes())
    classes = tuple(name for name in content.list("label_names") if isinstance(name, str))
    if len(classes) != count:
        content.refuse("label_names", f"{count} names of classes")
    size = _input_size(declared)
    interpolation = declared.text("interpolation") if "interpolation" in declared else "bilinear"
    if interpolation != "bilinear" and interpolation != "bicubic":
        declared.refuse("interpolation", "bilinear or bicubic")
    mode = declared.text("crop_mode") if "crop_mode" in declared else "center"
    fits: dict[str, Fit] = {name: fit for fit, name in CROP_MODES.items()}
    if mode not in fits:
        declared.refuse("crop_mode", " or ".join(fits))
    preprocessing = Preprocessing(
        size[1:],
        _of_channels(declared, "mean", -100.0),
        _of_channels(declared, "std", 1e-6),
        declared.number("crop_pct", size[1] / max_image_size(), 1),
        interpolation,
        fits[mode],
    )
    arguments = _arguments(content.section("arguments")) if "arguments" in content else {}
    return Description(
        content.text("architecture"),
        arguments,
        classes,
        size,
        preprocessing,
        content.mapping("origin"),
    )


def _arguments(stored: Stored) -> Arguments:
    bounds = {"in_chans": MAX_CHANNELS, "width": MAX_WIDTH, "image_size": max_image_size()}
    arguments: Arguments = {}
    for name in stored:
        if name not in bounds:
            stored.refuse(name, f"no such argument, but {', '.join(bounds)}")
        if name == "image_size" and isinstance(stored.values[name], list):
            sides = [n for n in stored.list(name) if type(n) is int and 1 <= n <= bounds[name]]
            if len(sides) != 2 or len(stored.list(name)) != 2:
                stored.refuse(name, f"height and width of at most {bounds[name]}")
            arguments[name] = (sides[0], sides[1])
        else:
            arguments[name] = stored.integer(name, 1, bounds[name])
    return arguments


def _input_size(declared: Stored) -> tuple[int, int, int]:
    sizes = declared.list("input_size")
    bounds = (MAX_CHANNELS, max_image_size(), max_image_size())
    whole = [n for n, most in zip(sizes, bounds, strict=False) if type(n) is int and 1 <= n <= most]
    if len(whole) != 3 or len(sizes) != 3:
        declared.refuse("input_size", f"channels, height and width of at most {bounds}")
    return whole[0], whole[1], whole[2]


def _of_channels(declared: Stored, name: str, least: float) -> ChannelValues:
    values = declared.numbers(name, 3)
    if not all(least <= value <= 100 for value in values):
        declared.refuse(name, f"numbers within {least:g} to 100")
    return values[0], values[1], values[2]
