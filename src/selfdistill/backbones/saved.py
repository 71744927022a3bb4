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
    folder = model_folder(path)
    config = json.loads((folder / CONFIG).read_text())
    backbone = create_backbone(
        config["architecture"], config["num_classes"], **config.get("arguments", {})
    )
    backbone.network.load_state_dict(load_file(folder / WEIGHTS))
    return backbone.eval()


def model_folder(path: Path) -> Path:
    """The model folder that a run directory, or the folder itself, stands for.

    Raises:
        ValueError: If there is none.
    """
    for folder in (path / "model", path):
        if (folder / CONFIG).is_file():
            return folder
    raise ValueError(f"{path} holds no trained network: {CONFIG} is missing there and in model/")
