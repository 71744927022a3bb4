"""Weights that a timm network starts from."""

import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import huggingface_hub
import torch
from torch import nn

if TYPE_CHECKING:
    from timm.models import PretrainedCfg

Channels = tuple[float, float, float]

PATIENCE = 1.0
"""Seconds until a host counts as out of reach; timm itself gives up after most of a minute."""


def published_source(name: str, declared: "PretrainedCfg") -> dict[str, str | int]:
    """Make sure that timm can have a network's published weights, and say where it finds them.

    Returns:
        What to overlay the network's ``pretrained_cfg`` with.

    Raises:
        ValueError: If there are no weights, or they are neither cached nor within reach.
    """
    if not declared.has_weights:
        raise ValueError(
            f"nobody published weights for {name}: leave pretrained out, give the path of a "
            "weights file, or choose from backbone_names(pretrained=True)"
        )
    url = declared.url if isinstance(declared.url, str) else ""
    cached = cached_weights(declared.hf_hub_id, declared.hf_hub_filename, url)
    if cached is not None:
        return {"file": str(cached), "custom_load": False}
    host = huggingface_hub.constants.ENDPOINT if declared.hf_hub_id else url
    if not within_reach(host):
        raise ValueError(
            f"the weights of {name} are not in the cache, and {urlparse(host).hostname} does not "
            "answer: connect to the network, give the path of a weights file as pretrained, or "
            "leave it out"
        )
    return {}


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


def file_source(path: Path, declared: "PretrainedCfg") -> dict[str, str | int]:
    """Say to timm that the weights, and as many classes as they tell apart, are in a file.

    Weights without a classifier, as self-supervised training leaves them, tell 0 classes apart.

    Raises:
        ValueError: If the file is missing or unreadable.
    """
    weights = read_state_dict(path)
    classifiers = declared.classifier or ()
    named = (classifiers,) if isinstance(classifiers, str) else classifiers
    heads = [weights[f"{name}.weight"] for name in named if f"{name}.weight" in weights]
    return {
        "file": str(path),
        "custom_load": False,
        "num_classes": int(heads[0].shape[0]) if heads else 0,
        "label_offset": 0,
    }


def difference(path: str, network: nn.Module) -> str:
    """The first weight of a network that a file lacks, or has in another shape."""
    from timm.models import load_state_dict

    weights = load_state_dict(path, weights_only=True)
    for name, own in network.state_dict().items():
        if name not in weights:
            return f"{name} is missing"
        if weights[name].shape != own.shape:
            there, here = tuple(weights[name].shape), tuple(own.shape)
            return f"{name} is {there} there, {here} here"
    strange = next((name for name in weights if name not in network.state_dict()), "nothing")
    return f"{strange} is not in the network"


def _reason(error: Exception) -> str:
    """Why weights cannot be read; never the library's advice to run what a file holds."""
    if type(error).__name__ == "UnpicklingError" or "weights_only" in str(error):
        return "it is damaged, or holds objects that would run code when they are read"
    return " ".join(str(error).split()) or type(error).__name__


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
        raise ValueError(
            f"{path} cannot be read as weights (safetensors, or a state dict that torch.save "
            f"wrote): {_reason(error)}"
        ) from error
    strange = [name for name, value in weights.items() if not isinstance(value, torch.Tensor)]
    if strange:
        raise ValueError(f"{path} is not a state dict: {strange[0]!r} is not a tensor")
    return weights


def cached_weights(hub_id: str | None, filename: str | None, url: str) -> Path | None:
    """Find published weights on this machine."""
    if hub_id is not None:
        for candidate in (filename,) if filename else ("model.safetensors", "pytorch_model.bin"):
            found = huggingface_hub.try_to_load_from_cache(hub_id, candidate)
            if isinstance(found, str):
                return Path(found)
        return None
    path = Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(url).path).name)
    return path if path.is_file() else None


def within_reach(url: str) -> bool:
    """Whether a host answers within a second; names that resolve slowly count as unreachable."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return False
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(answers_head(url)), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answers == [True]


def answers_head(url: str) -> bool:
    """Whether anything answers at ``url``, be it with a refusal."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return True
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)
    except OSError:
        return False
    return True
