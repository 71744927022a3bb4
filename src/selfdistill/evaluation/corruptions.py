"""Test images as bad cameras, weather and storage would leave them, and the accuracy on them.

The corruptions and their constants are those of CIFAR-C and ImageNet-C (see
:mod:`selfdistill.evaluation.severities`), generated here for images of any size: figures compare
networks with each other, not with tables of the published files.

Deviations:
    Fog is made of octaves of smoothed noise instead of the diamond-square algorithm; results are
    rounded to bytes where the published code cuts. Frost, snow, glass blur, zoom blur and elastic
    deformation are left out.
"""

import io
from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from ..data import ImageSet, Preprocessing, generator
from ..methods import Method
from .inference import predict
from .metrics import score
from .severities import PUBLISHED, SEVERITIES, constants

CORRUPTIONS = tuple(PUBLISHED)
BATCH_SIZE = 100
MIN_WEIGHT = 1e-3
"""Share of the largest weight below which a shifted copy does not count in motion blur."""

Pixels = UInt8[Tensor, "n 3 height width"]
Images = Float[Tensor, "n 3 height width"]
"""In units of pixels in [0, 1]."""


def corrupt(images: Pixels, name: str, severity: int, *, seed: int = 0) -> Pixels:
    """Corrupt images on the CPU; draws are the same at every severity, from 1 to 5."""
    values = constants(name, severity, min(images.shape[2:]))
    parts: list[Pixels] = []
    for start in range(0, len(images), BATCH_SIZE):
        random = generator(seed, "corruption", name, start)
        part = images[start : start + BATCH_SIZE].float() / 255
        changed = _CHANGES[name](part, random, *values)
        parts.append((changed.clamp(0, 1) * 255).round().to(torch.uint8))
    return torch.cat(parts)


def accuracy_by_corruption(
    method: Method, images: ImageSet, preprocessing: Preprocessing
) -> Generator[tuple[str, dict[int, float]]]:
    """Corrupt what the network sees of the images, and score the deployed network on it.

    Args:
        method: The trained method.
        images: The clean images.
        preprocessing: How images become what the network sees.

    Yields:
        A corruption and the accuracy in percent at each severity, as soon as it is known.
    """
    pixels = preprocessing.center(images.images.cpu())
    for name in CORRUPTIONS:
        accuracies: dict[int, float] = {}
        for severity in SEVERITIES:
            corrupted = replace(images, images=corrupt(pixels, name, severity))
            said = predict(method, corrupted, preprocessing)
            accuracies[severity] = score(said.exits["network"], said.labels).accuracy
        yield name, accuracies


def _gaussian_noise(x: Images, random: torch.Generator, spread: float) -> Images:
    return x + spread * torch.randn(x.shape, generator=random)


def _shot_noise(x: Images, random: torch.Generator, photons: float) -> Images:
    return torch.poisson(x * photons, generator=random) / photons


def _impulse_noise(x: Images, random: torch.Generator, share: float) -> Images:
    u = torch.rand(x.shape, generator=random)
    return x.masked_fill(u < share / 2, 1.0).masked_fill(u > 1 - share / 2, 0.0)


def _gaussian_blur(x: Images, _: torch.Generator, spread: float) -> Images:
    weights = _gaussian_kernel(spread, min(int(np.ceil(4 * spread)), min(x.shape[2:]) - 1))
    return _filter(_filter(x, weights[None]), weights[:, None])


def _defocus_blur(x: Images, _: torch.Generator, radius: float, rim: float) -> Images:
    """A disk of a radius, its rim smoothed by three taps of a Gaussian."""
    reach = min(int(np.ceil(radius)) + 1, min(x.shape[2:]) - 1)
    place = torch.arange(-reach, reach + 1).float()
    disk = (place[:, None].square() + place[None].square() <= radius**2).float()
    taps = _gaussian_kernel(rim, 1)
    smoothing = (taps[:, None] * taps[None])[None, None]
    kernel = F.conv2d(disk[None, None], smoothing, padding=1)[0, 0]
    return _filter(x, kernel / kernel.sum())


def _motion_blur(x: Images, random: torch.Generator, reach: float, spread: float) -> Images:
    """A trail of half a Gaussian, within 45 degrees of the horizontal."""
    angle = (torch.rand(len(x), generator=random) - 0.5) * np.pi / 2
    steps = torch.arange(2 * round(reach) + 1)
    weights = torch.exp(-steps.square() / (2 * spread**2))
    weights = weights[weights > MIN_WEIGHT] / weights[weights > MIN_WEIGHT].sum()
    blurred = torch.zeros_like(x)
    for step, weight in enumerate(weights.tolist()):
        blurred += weight * _shift(x, step * angle.cos(), step * angle.sin())
    return blurred


def _fog(x: Images, random: torch.Generator, amount: float, decay: float) -> Images:
    """Haze over each image, which keeps its brightest value."""
    brightest = x.amax((1, 2, 3), keepdim=True)
    haze = _octaves(len(x), (x.shape[2], x.shape[3]), decay, random)
    return (x + amount * haze) * brightest / (brightest + amount)


def _brightness(x: Images, _: torch.Generator, more: float) -> Images:
    """A higher value at the same hue and saturation."""
    value = x.amax(1, keepdim=True)
    raised = (value + more).clamp(max=1)
    return torch.where(value > 0, x / value.clamp_min(1e-6) * raised, raised)


def _contrast(x: Images, _: torch.Generator, factor: float) -> Images:
    mean = x.mean((2, 3), keepdim=True)
    return (x - mean) * factor + mean


def _pixelate(x: Images, _: torch.Generator, scale: float) -> Images:
    height, width = x.shape[2:]

    def change(picture: Image.Image) -> Image.Image:
        small = picture.resize((int(width * scale), int(height * scale)), Image.Resampling.BOX)
        return small.resize((width, height), Image.Resampling.BOX)

    return _one_by_one(x, change)


def _jpeg(x: Images, _: torch.Generator, quality: float) -> Images:
    def change(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=round(quality))
        return Image.open(file)

    return _one_by_one(x, change)


def _one_by_one(x: Images, change: Callable[[Image.Image], Image.Image]) -> Images:
    pixels = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    changed = np.stack([np.asarray(change(Image.fromarray(picture))) for picture in pixels])
    return torch.from_numpy(changed).permute(0, 3, 1, 2).float() / 255


def _gaussian_kernel(spread: float, radius: int) -> Float[Tensor, " taps"]:
    """Weights of a normal curve of a standard deviation, out to ``radius`` on both sides; sum 1."""
    x = torch.arange(-radius, radius + 1).float()
    weights = torch.exp(-x.square() / (2 * spread**2))
    return weights / weights.sum()


def _filter(x: Images, kernel: Float[Tensor, "rows columns"]) -> Images:
    """Each channel under a kernel with odd sides; the image is mirrored beyond its edge."""
    rows, columns = kernel.shape
    edges = (columns // 2, columns // 2, rows // 2, rows // 2)
    padded = F.pad(x, edges, mode="reflect").flatten(0, 1).unsqueeze(1)
    return F.conv2d(padded, kernel[None, None]).squeeze(1).unflatten(0, x.shape[:2])


def _shift(x: Images, right: Float[Tensor, " n"], down: Float[Tensor, " n"]) -> Images:
    """Move each image by as many pixels; its edge goes on beyond it."""
    height, width = x.shape[2:]
    moves = torch.eye(2, 3).repeat(len(x), 1, 1)
    moves[:, 0, 2], moves[:, 1, 2] = -2 * right / width, -2 * down / height
    grid = F.affine_grid(moves, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _octaves(
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


_CHANGES: dict[str, Callable[..., Images]] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "gaussian_blur": _gaussian_blur,
    "defocus_blur": _defocus_blur,
    "motion_blur": _motion_blur,
    "fog": _fog,
    "brightness": _brightness,
    "contrast": _contrast,
    "pixelate": _pixelate,
    "jpeg_compression": _jpeg,
}
