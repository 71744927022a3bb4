"""Rotated images, and joint labels for what an image shows and how it was turned.

The pair of class y and turn j has number ``turns * y + j``.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..backbones import Backbone
from .base import Labels


def refuse_oblong(backbone: Backbone) -> None:
    """Raise ValueError unless quarter turns keep the images' size."""
    _, height, width = backbone.input_size
    if height != width:
        raise ValueError(f"images of {height} × {width} cannot be rotated: use square ones")


def rotate(
    images: Float[Tensor, "batch channels height width"], turns: int
) -> list[Float[Tensor, "batch channels _ _"]]:
    """The images turned by 0, 1 … of ``turns`` equal parts of a circle; ``turns`` is 2 or 4."""
    return [images.rot90(turn * 4 // turns, (2, 3)) for turn in range(turns)]


def joint_labels(
    labels: Labels, turns: int
) -> Int[Tensor, " rotated"] | Float[Tensor, "rotated pairs"]:
    """Labels of all rotated images, turn after turn."""
    if labels.ndim == 1:
        return torch.cat([turns * labels + turn for turn in range(turns)])
    pairs = labels.new_zeros(turns, labels.shape[0], turns * labels.shape[1])
    for turn in range(turns):
        pairs[turn, :, turn::turns] = labels
    return pairs.flatten(0, 1)


def average_turns(joint: Sequence[Float[Tensor, "batch pairs"]]) -> Float[Tensor, "batch classes"]:
    """Average, over the turns, of the joint logits for the turn that was made."""
    return torch.stack([u[:, turn :: len(joint)] for turn, u in enumerate(joint)]).mean(0)
