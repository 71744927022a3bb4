"""Networks from the files that a run leaves behind."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from ..limits import max_memory
from ..runs import read_checked
from .base import Backbone
from .create import create_backbone, is_known
from .description import CONFIG, read_description

WEIGHTS = "model.safetensors"


def load_network(path: Path, network: nn.Module | None = None) -> nn.Module:
    """Rebuild a trained network as a plain module, in evaluation mode.

    Args:
        path: A model folder or a run directory, as for :func:`load_backbone`.
        network: A module that takes the weights, for networks that have no name here.

    Raises:
        ValueError: If there is no model, or its weights are not the module's.
    """
    if network is None:
        return load_backbone(path).network
    folder = model_folder(path)
    fill(network, folder)
    return network.eval()


def fill(network: nn.Module, folder: Path) -> None:
    """Load the weights of a model folder into a plain network.

    Raises:
        ValueError: If they are another network's, or their file is missing or damaged.
    """
    try:
        network.load_state_dict(read_weights(folder / WEIGHTS))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{folder} does not hold the weights of this network: {reason}") from None


def read_weights(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, all of them finite.

    Raises:
        ValueError: If the file is missing or damaged, has changed since its run ended, or holds
            numbers that are not finite; the message names it.
    """
    content = read_checked(file, max_bytes=max_memory() // 3)
    try:
        weights = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{file} is not a whole safetensors file ({reason}): restore it from a copy"
        ) from None
    for name, value in weights.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ValueError(
                f"{file} holds weights that are not finite ({name}): restore it from a copy, or "
                "train the network again"
            )
    return weights


def load_backbone(path: Path) -> Backbone:
    """Rebuild a trained network, in evaluation mode.

    Args:
        path: A model folder (``config.json`` and ``model.safetensors``), or a run directory, whose
            last epoch's network is meant.

    Raises:
        ValueError: If there is no model, or one whose architecture has no name here.
    """
    folder = model_folder(path)
    saved = read_description(folder)
    if not is_known(saved.architecture):
        raise ValueError(
            f"{folder} holds the weights of {saved.architecture}, which has no name here: make "
            "the network and pass it, as sd.load(path, network=...)"
        )
    try:
        backbone = create_backbone(
            saved.architecture,
            len(saved.classes),
            **saved.arguments,  # pyright: ignore[reportArgumentType]
        )
    except ValueError as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from None
    fill(backbone.network, folder)
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
