"""Filters, shifts and smooth noise that corruptions are made of."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "n channels height width"]


def bell(spread: float, reach: int) -> Float[Tensor, " taps"]:
    """Weights of a normal curve of a standard deviation, out to ``reach`` on both sides; sum 1."""
    place = torch.arange(-reach, reach + 1).float()
    weights = torch.exp(-place.square() / (2 * spread**2))
    return weights / weights.sum()


def filtered(x: Images, kernel: Float[Tensor, "rows columns"]) -> Images:
    """Each channel under a kernel with odd sides; the image is mirrored beyond its edge."""
    rows, columns = kernel.shape
    edges = (columns // 2, columns // 2, rows // 2, rows // 2)
    padded = F.pad(x, edges, mode="reflect").flatten(0, 1).unsqueeze(1)
    return F.conv2d(padded, kernel[None, None]).squeeze(1).unflatten(0, x.shape[:2])


def shifted(x: Images, right: Float[Tensor, " n"], down: Float[Tensor, " n"]) -> Images:
    """Move each image by as many pixels; its edge goes on beyond it."""
    height, width = x.shape[2:]
    moves = torch.eye(2, 3).repeat(len(x), 1, 1)
    moves[:, 0, 2], moves[:, 1, 2] = -2 * right / width, -2 * down / height
    grid = F.affine_grid(moves, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def octaves(
    count: int, size: tuple[int, int], decay: float, random: torch.Generator
) -> Float[Tensor, "n 1 height width"]:
    """Smoothed noise, each octave finer and weaker by ``decay``; within 0 and 1."""
    noise = torch.zeros(count, 1, *size)
    for octave in range(1, max(size).bit_length()):
        side = 2**octave + 1
        coarse = torch.rand(count, 1, side, side, generator=random)
        fine = F.interpolate(coarse, size, mode="bilinear", align_corners=True)
        noise += fine * decay**-octave
    low, high = noise.amin((2, 3), keepdim=True), noise.amax((2, 3), keepdim=True)
    return (noise - low) / (high - low)
