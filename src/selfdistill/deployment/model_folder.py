"""A folder that holds a plain network and describes it, in timm's schema."""

import json

from safetensors.torch import save
from torch import Tensor

from ..backbones import CONFIG, WEIGHTS, Backbone
from ..preprocessing import CROP_MODES, Preprocessing
from .probabilities import UNSCALED, Probabilities

DECLARED = ("classifier", "first_conv", "pool_size", "fixed_input_size", "origin_url", "license")
"""What timm needs to know of its networks, and where their weights began, under what licence."""


def model_files(
    backbone: Backbone,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    origin: dict[str, object],
    probabilities: Probabilities = UNSCALED,
) -> dict[str, bytes]:
    """Contents of a model folder's files, by name.

    Args:
        backbone: Its plain network is what is saved.
        classes: Names of the classes.
        preprocessing: How pictures become what it sees.
        origin: Where the weights come from: run, epoch, method.
        probabilities: Its temperature, and when to abstain.
    """
    architecture = backbone.architecture
    declared = getattr(backbone.network, "pretrained_cfg", None)
    of_timm = declared if isinstance(declared, dict) else {}
    config: dict[str, object] = {
        "architecture": architecture.name if architecture else type(backbone.network).__name__,
        "num_classes": backbone.num_classes,
        "num_features": backbone.channels[-1],
        "label_names": list(classes),
        "pretrained_cfg": {
            **{name: of_timm[name] for name in DECLARED if of_timm.get(name) is not None},
            "input_size": list(backbone.input_size),
            "interpolation": preprocessing.interpolation,
            "crop_pct": preprocessing.crop_share,
            "crop_mode": CROP_MODES[preprocessing.fit],
            "mean": list(preprocessing.mean),
            "std": list(preprocessing.std),
            "num_classes": backbone.num_classes,
        },
        **probabilities.fields(),
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
