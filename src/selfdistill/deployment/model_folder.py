"""A folder that holds a plain network and describes it, in timm's schema."""

import json
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor

from ..backbones import Backbone, create_backbone

WEIGHTS = "model.safetensors"
CONFIG = "config.json"


def save_model(
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


def load_model(folder: Path) -> Backbone:
    """Rebuild the network that a folder describes, in evaluation mode.

    Raises:
        ValueError: If the folder holds no model, or one whose architecture has no name here.
    """
    config_file = folder / CONFIG
    if not config_file.is_file():
        raise ValueError(f"{folder} holds no model: {CONFIG} is missing")
    config = json.loads(config_file.read_text())
    backbone = create_backbone(
        config["architecture"], config["num_classes"], **config.get("arguments", {})
    )
    backbone.network.load_state_dict(load_file(folder / WEIGHTS))
    return backbone.eval()


def contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict on the CPU, in the memory layout that safetensors writes."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
