"""timm's networks by name, and the weights that they start from."""

import ssl
import threading
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import huggingface_hub
import torch
from torch import nn

if TYPE_CHECKING:
    from timm.models import PretrainedCfg

Channels = tuple[float, float, float]

TIMEOUT = 1.0
"""Seconds until a host counts as out of reach; timm itself gives up after most of a minute."""


def timm_config(name: str) -> "PretrainedCfg":
    """What timm declares of one of its networks."""
    import timm

    config = timm.models.get_pretrained_cfg(name)
    assert config is not None
    return config


def build_timm(
    name: str,
    num_classes: int,
    *,
    in_chans: int = 3,
    image_size: int | tuple[int, int] | None = None,
    pretrained: bool | str | Path = False,
) -> tuple[nn.Module, tuple[int, int, int]]:
    """Build one of timm's networks; returns it and the channels, height and width of its images."""
    import timm

    config = timm_config(name)
    build = partial(timm.create_model, name, in_chans=in_chans)
    size = config.input_size[1:]
    if image_size is not None:
        size = (image_size, image_size) if isinstance(image_size, int) else image_size
        if config.fixed_input_size:
            build = partial(build, img_size=image_size)
    if pretrained is False:
        network = build(num_classes=num_classes)
    elif pretrained is True:
        overlay = published_weights(name)
        network = build(num_classes=num_classes, pretrained=True, pretrained_cfg_overlay=overlay)
    else:
        network = build_from_file(build, num_classes, Path(pretrained), config)
    vars(network)["pretrained_cfg"].pop("file", None)
    return network, (in_chans, *size)


def build_from_file(
    build: partial[nn.Module], num_classes: int, path: Path, config: "PretrainedCfg"
) -> nn.Module:
    """Build with a file's weights; the classifier is new unless it has ``num_classes`` classes."""
    weights = read_state_dict(path)
    classifiers = config.classifier or ()
    names = (classifiers,) if isinstance(classifiers, str) else classifiers
    heads = [weights[f"{name}.weight"] for name in names if f"{name}.weight" in weights]
    # Weights without a classifier, as self-supervised training leaves them, tell 0 classes apart.
    classes = len(heads[0]) if heads else 0
    overlay = {
        "file": str(path),
        "custom_load": False,
        "num_classes": classes,
        "label_offset": 0,
    }
    try:
        network = build(num_classes=classes, pretrained=True, pretrained_cfg_overlay=overlay)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = difference(weights, build(num_classes=classes))
        raise ValueError(
            f"{path} does not hold the weights of {build.args[0]}: {reason}"
        ) from error
    if classes != num_classes:
        network.reset_classifier(num_classes)  # pyright: ignore[reportCallIssue]
    return network


def difference(weights: dict[str, torch.Tensor], network: nn.Module) -> str:
    """The first of a network's weights that is missing, or has another shape."""
    state = network.state_dict()
    for name, own in state.items():
        if name not in weights:
            return f"{name} is missing"
        if weights[name].shape != own.shape:
            return f"{name} is {tuple(weights[name].shape)} there, {tuple(own.shape)} here"
    extra = next((name for name in weights if name not in state), "nothing")
    return f"{extra} is not in the network"


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weights file: safetensors, or a state dict that ``torch.save`` wrote.

    Raises:
        ValueError: If the file is missing or holds something else.
    """
    from timm.models import load_state_dict

    if not path.is_file():
        raise ValueError(f"there is no weights file {path}")
    try:
        weights = load_state_dict(str(path), weights_only=True)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if type(error).__name__ == "UnpicklingError" or "weights_only" in reason:
            # Never torch's own message: it advises to run what the file holds.
            reason = "it is damaged, or holds objects that would run code when they are read"
        raise ValueError(
            f"{path} cannot be read as weights (safetensors, or a state dict that torch.save "
            f"wrote): {reason}"
        ) from error
    for name, value in weights.items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(f"{path} is not a state dict: {name!r} is not a tensor")
    return weights


def published_mean(name: str) -> Channels | None:
    """The mean that a timm network's published weights expect of images; None of other networks."""
    import timm

    if not timm.is_model(name):
        return None
    red, green, blue, *_ = map(float, (*timm_config(name).mean, 0.0, 0.0))
    return red, green, blue


def published_statistics(network: nn.Module) -> tuple[Channels, Channels] | None:
    """Mean and standard deviation that a network's published weights expect of images.

    Returns:
        Both of each channel, in units of pixels in [0, 1]; None for networks that declare none.
    """
    declared = getattr(network, "pretrained_cfg", None)
    if not isinstance(declared, dict) or len(declared["mean"]) != 3:
        return None
    mean, std = ((float(r), float(g), float(b)) for r, g, b in (declared["mean"], declared["std"]))
    return mean, std


def published_weights(name: str) -> dict[str, str | bool]:
    """Make sure that timm can have a network's weights; returns an overlay of its configuration."""
    config = timm_config(name)
    if not config.has_weights:
        raise ValueError(
            f"nobody published weights for {name}: leave pretrained out, give the path of a "
            "weights file, or choose from backbone_names(pretrained=True)"
        )
    url = config.url if isinstance(config.url, str) else ""
    cached = cached_weights(config.hf_hub_id, config.hf_hub_filename, url)
    if cached is not None:
        return {"file": str(cached), "custom_load": False}
    host = huggingface_hub.constants.ENDPOINT if config.hf_hub_id else url
    if not within_reach(host):
        raise ValueError(
            f"the weights of {name} are not in the cache, and {urlparse(host).hostname} does not "
            "answer: connect to the network, give the path of a weights file as pretrained, or "
            "leave it out"
        )
    return {}


def cached_weights(hub_id: str | None, filename: str | None, url: str) -> Path | None:
    """Find published weights on this machine."""
    if hub_id is None:
        path = Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(url).path).name)
        return path if path.is_file() else None
    for candidate in (filename,) if filename else ("model.safetensors", "pytorch_model.bin"):
        path = huggingface_hub.try_to_load_from_cache(hub_id, candidate)
        if isinstance(path, str):
            return Path(path)
    return None


def within_reach(url: str) -> bool:
    """Whether a host answers within a second; names that resolve slowly count as unreachable."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return False
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(answers_head(url)), daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return answers == [True]


def answers_head(url: str) -> bool:
    """Whether anything answers at ``url``, be it with a refusal."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT).close()
    except urllib.error.HTTPError:
        return True
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)
    except OSError:
        return False
    return True
