"""The test images with the most attention on each shallow stage, and where that stage looks."""

import io
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from ..data import ImageSet, Preprocessing
from ..evaluation import class_activation
from ..methods import Method
from ..runs import RunDirectory, replace_file

IMAGES_PER_STAGE = 8
MAX_SIDE = 96
"""Height and width, in pixels, that larger images are scaled down to for show."""


class TopAttended(NamedTuple):
    """Images by stage, those with the most attention first."""

    images: UInt8[Tensor, "top 3 height width"]
    indices: Int64[Tensor, " top"]
    """Positions among the images."""
    stage: Int64[Tensor, " top"]
    """The shallow stage, from 0."""
    cams: UInt8[Tensor, "top height width"]
    """Class-activation map of the stage's exit, 255 where it is largest."""


def write_top_attended(
    run: RunDirectory,
    method: Method,
    images: ImageSet,
    attention: Float[Tensor, "images stages"] | None,
    preprocessing: Preprocessing,
) -> None:
    """Write the test images with the most attention by stage, if the method weighs its stages."""
    top = None if attention is None else top_attended(method, images, attention, preprocessing)
    if top is None:
        return
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        images=top.images.permute(0, 2, 3, 1).numpy(),
        indices=top.indices.numpy(),
        block=top.stage.numpy(),
        cams=top.cams.numpy(),
    )
    replace_file(run.top_attended_file, buffer.getvalue())


def top_attended(
    method: Method,
    images: ImageSet,
    attention: Float[Tensor, "images stages"],
    preprocessing: Preprocessing,
) -> TopAttended | None:
    """Find the images with the most attention on each stage; None where all have the same."""
    if bool((attention == attention[0]).all()):
        return None
    count = min(IMAGES_PER_STAGE, len(images))
    indices = attention.argsort(dim=0, descending=True, stable=True)[:count].T.flatten()
    stage = torch.arange(attention.shape[1]).repeat_interleave(count)
    pixels = preprocessing.center(images.images[indices.to(images.images.device)])
    device = next(method.parameters()).device
    cams: list[Tensor] = []
    for number, part in enumerate(pixels.split(count)):
        cam = class_activation(method, preprocessing.standardise(part.to(device))).maps[number]
        cams.append(torch.zeros(part[:, 0].shape) if cam is None else cam.cpu())
    thumbnails = _scaled_down(pixels.cpu().float())
    cam = _scaled_down(255 * torch.cat(cams)[:, None])[:, 0]
    return TopAttended(thumbnails.to(torch.uint8), indices, stage, cam.to(torch.uint8))


def _scaled_down(images: Float[Tensor, "n channels _ _"]) -> Float[Tensor, "n channels _ _"]:
    factor = MAX_SIDE / max(images.shape[2:])
    if factor >= 1:
        return images
    size = [round(factor * side) for side in images.shape[2:]]
    return F.interpolate(images, size, mode="area").round()
