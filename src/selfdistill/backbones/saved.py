"""Networks from the files that a run leaves behind."""

import json
from pathlib import Path

from safetensors.torch import load_file

from .base import Backbone
from .create import create_backbone

WEIGHTS = "model.safetensors"
CONFIG = "config.json"


def load_backbone(path: Path) -> Backbone:
    """Rebuild a trained network, in evaluation mode.

    Args:
        path: A model folder (``config.json`` and ``model.safetensors``), or a run directory, whose
            last epoch's network is meant.

    Raises:
        ValueError: If there is no model, or one whose architecture has no name here.
    """
    folder = path / "model" if (path / "model" / CONFIG).is_file() else path
    config_file = folder / CONFIG
    if not config_file.is_file():
        raise ValueError(
            f"{path} holds no trained network: {CONFIG} is missing there and in model/"
        )
    config = json.loads(config_file.read_text())
    backbone = create_backbone(
        config["architecture"], config["num_classes"], **config.get("arguments", {})
    )
    backbone.network.load_state_dict(load_file(folder / WEIGHTS))
    return backbone.eval()
