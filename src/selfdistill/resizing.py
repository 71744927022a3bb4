"""Scale images that are stored as bytes, by the filter that pictures are scaled by."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

Pixels = UInt8[Tensor, "batch channels height width"]
Size = tuple[int, int]
"""Height and width, in pixels."""


def shrink(images: Pixels, size: Size) -> UInt8[Tensor, "batch channels rows columns"]:
    """Scale images to ``size`` as random crops scale their boxes; what is too long is cut off."""
    height, width = images.shape[2:]
    if (height, width) == size:
        return images
    scale = min(height / size[0], width / size[1])
    weights = [
        box_weights(
            torch.full((1,), (source - scale * target) / 2, device=images.device),
            torch.full((1,), scale * target, device=images.device),
            source,
            target,
        )
        for source, target in zip((height, width), size, strict=True)
    ]
    return resample(images, *weights)


def resample(
    images: Pixels,
    rows: Float[Tensor, "_ new_height height"],
    columns: Float[Tensor, "_ new_width width"],
) -> UInt8[Tensor, "batch channels new_height new_width"]:
    """Weigh the pixels of lines and columns, and round to bytes."""
    # An autocast around this would round the pixels to fewer than their eight bits.
    with torch.autocast(images.device.type, enabled=False):
        scaled = rows[:, None] @ (images.float() @ columns[:, None].mT)
    return scaled.round_().clamp_(0, 255).to(images.dtype)


def box_weights(
    first: Float[Tensor, " batch"], length: Float[Tensor, " batch"], source: int, size: int
) -> Float[Tensor, "batch size source"]:
    """How much each source pixel of a line counts in each pixel of the result; rows sum to 1."""
    step = (length / size)[:, None, None]
    centres = first[:, None, None] + (torch.arange(size, device=first.device)[:, None] + 0.5) * step
    distances = (torch.arange(source, device=first.device) + 0.5 - centres).abs_()
    # What lies outside the box is no part of the crop, however near.
    last = (first + length)[:, None, None]
    positions = torch.arange(source, device=first.device) + 0.5
    inside = (positions > first[:, None, None] - 0.5) & (positions < last + 0.5)
    weights = (1 - distances / step.clamp(min=1)).clamp_(min=0) * inside
    return weights / weights.sum(2, keepdim=True)
