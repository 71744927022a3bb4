"""The images that lean most on each shallow block, and where that block looks."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from ..data import ImageSet, Preprocessing
from ..methods import Method
from .activation import class_activation

FOR_EACH_BLOCK = 8
LARGEST = 96
"""Height and width, in pixels, that larger images are scaled down to for show."""


class Leaning(NamedTuple):
    """Images by block, those with the largest share first."""

    images: UInt8[Tensor, "shown 3 height width"]
    indices: Int64[Tensor, " shown"]
    """Positions among the images."""
    block: Int64[Tensor, " shown"]
    """The shallow block, from 0."""
    cams: UInt8[Tensor, "shown height width"]
    """Class-activation map of the block's exit, 255 where it is largest."""


def leaning(
    method: Method,
    images: ImageSet,
    attention: Float[Tensor, "images blocks"],
    preprocessing: Preprocessing,
) -> Leaning | None:
    """Find the images with the largest share of each block; None where all have the same shares.

    Args:
        method: The trained method.
        images: What the attention was computed for.
        attention: Each image's shares.
        preprocessing: How images become what the network sees.
    """
    if bool((attention == attention[0]).all()):
        return None
    count = min(FOR_EACH_BLOCK, len(images))
    blocks = attention.shape[1]
    indices = attention.argsort(dim=0, descending=True, stable=True)[:count].T.flatten()
    block = torch.arange(blocks).repeat_interleave(count)
    pixels = preprocessing.center(images.images[indices.to(images.images.device)])
    device = next(method.parameters()).device
    cams: list[Tensor] = []
    for number, part in enumerate(pixels.split(count)):
        heat = class_activation(method, preprocessing.standardise(part.to(device))).maps[number]
        cams.append(torch.zeros(part[:, 0].shape) if heat is None else heat.cpu())
    small = _smaller(pixels.cpu().float())
    heat = _smaller(255 * torch.cat(cams)[:, None])[:, 0]
    return Leaning(small.to(torch.uint8), indices, block, heat.to(torch.uint8))


def _smaller(images: Float[Tensor, "n channels _ _"]) -> Float[Tensor, "n channels _ _"]:
    times = LARGEST / max(images.shape[2:])
    if times >= 1:
        return images
    size = [round(times * side) for side in images.shape[2:]]
    return F.interpolate(images, size, mode="area").round()
