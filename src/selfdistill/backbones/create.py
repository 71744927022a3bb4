"""Networks by name."""

import difflib
import fnmatch
import math
import re
from collections.abc import Callable
from functools import partial
from numbers import Integral
from pathlib import Path

import torch
from torch import nn

from ..limits import check_image_size, max_classes, max_weights
from .base import Architecture, Arguments, Backbone
from .cifar_resnet import BasicBlock, Bottleneck, CifarResNet
from .pretrained import build_timm, published_weights, timm_config
from .small_net import SmallNet
from .staged import StagedBackbone, StagedNetwork
from .timm import TimmBackbone
from .wide_resnet import WideResNet

CIFAR_RESNETS = {
    "resnet18_cifar": (BasicBlock, (2, 2, 2, 2), 64),
    "resnet34_cifar": (BasicBlock, (3, 4, 6, 3), 64),
    "resnet50_cifar": (Bottleneck, (3, 4, 6, 3), 64),
    "resnet20_cifar": (BasicBlock, (3, 3, 3), 16),
    "resnet32_cifar": (BasicBlock, (5, 5, 5), 16),
    "resnet56_cifar": (BasicBlock, (9, 9, 9), 16),
}
WIDE_RESNET = re.compile(r"wrn_\d{1,9}_\d{1,9}")
MAX_DEPTH = 1000
"""Of a WRN; building one block after the other takes minutes beyond."""
OWN_SIZE = 32
OWN_NAMES = (*CIFAR_RESNETS, "wrn_16_2", "wrn_16_4", "wrn_28_10", "wrn_40_2", "small")


def create_backbone(
    name: str,
    num_classes: int,
    *,
    pretrained: bool | str | Path = False,
    in_chans: int = 3,
    width: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Backbone:
    """Build a network by its name, as ``timm.create_model`` does.

    The package's own networks, made for images of about 32 pixels, are ``resnet18_cifar``,
    ``resnet34_cifar``, ``resnet50_cifar``, ``resnet20_cifar``, ``resnet32_cifar``,
    ``resnet56_cifar``, ``wrn_D_K`` (such as ``wrn_28_10``) and ``small``. Any other name is timm's.
    Names ignore case, and ``-`` equals ``_``.

    Examples:
        >>> create_backbone("resnet18-cifar", num_classes=100).channels
        (64, 128, 256, 512)

    Args:
        name: The network's name.
        num_classes: Classes to tell apart, at least 1.
        pretrained: Start from the weights that timm publishes, or from those in a file
            (safetensors or PyTorch); the classifier is new wherever its classes differ.
        in_chans: Channels of the images.
        width: Channels of the first stage, for the own networks but WRN.
        image_size: Height and width of the images in pixels, one number for squares; by default 32
            for the own networks and what timm declares for its own.

    Raises:
        ValueError: If there is no such network, an argument does not suit it, or its pretrained
            weights cannot be had.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(
            f"name is a {type(name).__name__}: give a network's name; a module becomes a backbone "
            "by sd.Tapped"
        )
    if not isinstance(pretrained, bool | str | Path):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(
            f"pretrained is a {type(pretrained).__name__}: give True, or a file of weights"
        )
    num_classes, in_chans = _count("num_classes", num_classes), _count("in_chans", in_chans)
    if num_classes > max_classes():
        raise ValueError(
            f"num_classes is {num_classes:,}: this machine's memory is enough for "
            f"{max_classes():,} at most"
        )
    arguments: Arguments = {} if in_chans == 3 else {"in_chans": in_chans}
    if width is not None:
        arguments["width"] = width = _count("width", width)
    if image_size is not None:
        arguments["image_size"] = image_size = _size(image_size)
        check_image_size(image_size, "image_size")
    name = canonical_name(name)
    architecture = Architecture(name, arguments)
    if is_own(name):
        if pretrained:
            check_published(name)
        build = partial(build_own, name, num_classes, width=width, in_chans=in_chans)
        if weights_of(build) > max_weights():
            raise ValueError(
                f"{name} of {num_classes:,} classes"
                f"{'' if width is None else f' and width {width:,}'} has more weights than this "
                "machine's memory holds: choose a smaller one"
            )
        size = image_size or OWN_SIZE
        return StagedBackbone(build(), image_size=size, architecture=architecture)
    if width is not None:
        raise ValueError(
            f"{name} is timm's and has no width (got {width}): leave width out, or choose one of "
            f"{', '.join((*CIFAR_RESNETS, 'small'))}"
        )
    network, input_size = build_timm(
        name, num_classes, in_chans=in_chans, image_size=image_size, pretrained=pretrained
    )
    return TimmBackbone(network, input_size=input_size, architecture=architecture)


def _count(argument: str, value: int) -> int:
    """A whole number of at least 1, whatever library it comes from."""
    if isinstance(value, bool) or not isinstance(value, Integral):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{argument} is {value!r}: it must be a whole number")
    if value < 1:
        raise ValueError(f"{argument} is {value}: it must be at least 1")
    return int(value)


def _size(image_size: int | tuple[int, int]) -> int | tuple[int, int]:
    """A whole number for squares, else height and width."""
    if not isinstance(image_size, tuple | list):
        return _count("image_size", image_size)
    if len(image_size) != 2:
        raise ValueError(f"image_size is {image_size!r}: give height and width")
    height, width = (_count("image_size", side) for side in image_size)
    return height if height == width else (height, width)


def build_own(
    name: str, num_classes: int, *, width: int | None = None, in_chans: int = 3
) -> StagedNetwork:
    """Build one of the package's own networks as a plain module."""
    if name == "small":
        return SmallNet(num_classes, width=width or 32, in_chans=in_chans)
    if name in CIFAR_RESNETS:
        block, depths, usual_width = CIFAR_RESNETS[name]
        width = width or usual_width
        return CifarResNet(block, depths, num_classes, width=width, in_chans=in_chans)
    if width is not None:
        raise ValueError(
            f"{name} takes no width (got {width}): its last number is the widening factor"
        )
    depth, widening = map(int, name.split("_")[1:])
    if depth > MAX_DEPTH:
        raise ValueError(f"WRN-{depth}-{widening} is too deep: the depth is {MAX_DEPTH} at most")
    return WideResNet(depth, widening, num_classes, in_chans=in_chans)


def weights_of(build: Callable[[], nn.Module]) -> int | float:
    """How many weights a network would have, found without memory for them."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            return sum(parameter.numel() for parameter in build().parameters())
    except RuntimeError:  # a tensor of more bytes than can be counted
        return math.inf


def check_published(name: str) -> None:
    """Make sure that a network's published weights can be had.

    Raises:
        ValueError: If there is no such network, nobody published weights for it, or they are
            neither cached nor within reach.
    """
    name = canonical_name(name)
    if is_own(name):
        raise ValueError(
            f"there are no pretrained weights for {name}: leave pretrained out, or choose from "
            "backbone_names(pretrained=True)"
        )
    published_weights(name)


def declared_size(name: str) -> int:
    """Height and width of the images that a network is made for, in pixels.

    Raises:
        ValueError: If there is no such network.
    """
    name = canonical_name(name)
    return OWN_SIZE if is_own(name) else timm_config(name).input_size[1]


def backbone_names(pattern: str = "*", *, pretrained: bool = False) -> list[str]:
    """Names that :func:`create_backbone` knows.

    Args:
        pattern: What to list, with ``*`` and ``?`` as in file names.
        pretrained: Only networks with published weights; their names carry the weights' tag.
    """
    import timm

    names = timm.list_pretrained() if pretrained else [*OWN_NAMES, *timm.list_models()]
    return fnmatch.filter(names, normalize(pattern))


def normalize(name: str) -> str:
    """Spell a name in lower case with underscores, as every listed name is."""
    return name.lower().replace("-", "_")


def is_own(name: str) -> bool:
    """Whether a normalized name is one of the package's own."""
    return name in CIFAR_RESNETS or name == "small" or WIDE_RESNET.fullmatch(name) is not None


def is_known(name: str) -> bool:
    """Whether there is a network of this name, and of the tag of its weights if it carries one."""
    name = normalize(name)
    if is_own(name):
        return True
    import timm

    return timm.is_model(name) and ("." not in name or name in timm.list_pretrained())


def canonical_name(name: str) -> str:
    """Spell the name of an existing network in its listed way; an unknown one is a ValueError."""
    if is_known(name):
        return normalize(name)
    known = [*backbone_names(), *backbone_names(pretrained=True)]
    nearest = difflib.get_close_matches(normalize(name), known, n=3, cutoff=0.5)
    raise ValueError(
        f"there is no network {name!r}: did you mean {' or '.join(nearest)}?"
        if nearest
        else f"there is no network {name!r}: backbone_names() lists all"
    )
