"""A folder that holds a plain network and describes it, in timm's schema."""

import json

from safetensors.torch import save
from torch import Tensor

from ..backbones import Backbone
from ..backbones.saved import CONFIG, WEIGHTS


def model_files(
    backbone: Backbone,
    *,
    classes: tuple[str, ...],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    origin: dict[str, object],
) -> dict[str, bytes]:
    """Contents of a model folder's files, by name.

    Args:
        backbone: Its plain network is what is saved.
        classes: Names of the classes.
        mean: Mean of each channel that images are standardised with, in units of [0, 1].
        std: Standard deviation of each channel, in the same units.
        origin: Where the weights come from: run, epoch, method.
    """
    architecture = backbone.architecture
    size = backbone.input_size
    config: dict[str, object] = {
        "architecture": architecture.name if architecture else type(backbone.network).__name__,
        "num_classes": backbone.num_classes,
        "num_features": backbone.channels[-1],
        "label_names": list(classes),
        "pretrained_cfg": {
            "input_size": list(size),
            "fixed_input_size": True,
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "mean": list(mean),
            "std": list(std),
            "num_classes": backbone.num_classes,
        },
        "arguments": architecture.arguments if architecture else {},
        "origin": origin,
    }
    weights = contiguous(backbone.network.state_dict())
    return {
        WEIGHTS: save(weights, metadata={"format": "pt"}),
        CONFIG: (json.dumps(config, indent=1) + "\n").encode(),
    }


def contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict on the CPU, in the memory layout that safetensors writes."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
