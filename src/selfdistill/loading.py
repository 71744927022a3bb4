"""A trained network from a run, with early exits where they were fitted."""

from dataclasses import replace
from os import PathLike
from pathlib import Path

from torch import nn

from . import deployment
from .deployment import EarlyExits, Model, is_on_hub
from .runs import RunDirectory


def load(path: str | PathLike[str], *, network: nn.Module | None = None) -> Model:
    """Load a trained network from a run directory, a model folder, or the Hugging Face hub.

    Args:
        path: The folder; or ``hf:owner/name``, or ``hf:owner/name@revision``, which is downloaded.
        network: A module that takes the weights, for a network of one's own, which has no name.

    Raises:
        ValueError: If there is no trained network, it is not this one, or it cannot be had.
    """
    model = deployment.load(path, network=network)
    run = None if is_on_hub(path) else RunDirectory(Path(path))
    return replace(model, early=_early(run)) if run and run.summary_file.is_file() else model


def _early(run: RunDirectory) -> EarlyExits:
    from .inspection import early_exits  # takes as long to import as all the rest but torch

    return early_exits(run)
