"""Whether a method can be trained on parts of a batch that are single images."""

import copy

import torch

from ..config.schema import Ingredients
from ..data import Batches
from ..methods import Method
from .state import call_method, context_for


def check_parts(recipe: Ingredients, method: Method, batches: Batches, processes: int) -> None:
    """Try a part of one image: BatchNorm of a map of one pixel has nothing to average then.

    Args:
        recipe: How a batch is divided.
        method: What is trained; left as it is.
        batches: The training images.
        processes: Over how many processes a batch is divided.

    Raises:
        ValueError: If it cannot be trained so.
    """
    parts = processes * recipe.accumulation
    if recipe.batch_size != parts:
        return
    batch = batches.epoch(0).batch(0, parts=parts)
    trial = copy.deepcopy(method)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            call_method(trial, batch, context_for(trial, batch))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        told = {"batch-size": recipe.batch_size, "accumulation": recipe.accumulation}
        words = [f"--{name} {n}" for name, n in {**told, "devices": processes}.items() if n > 1]
        fewer = parts // (2 * processes)
        ways = [f"--accumulation {fewer}"] if fewer else []
        raise ValueError(
            f"{' '.join(words) or '--batch-size 1'}: each part of a batch is one image, and a "
            "BatchNorm sees one value per channel: choose "
            f"{' or '.join([*ways, f'--batch-size {2 * parts}'])}"
        ) from error
