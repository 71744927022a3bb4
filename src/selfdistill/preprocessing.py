"""Make RGB, resize, crop and standardise: the same code in training, evaluation and deployment."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

Pixels = UInt8[Tensor, "batch channels height width"]
Images = Float[Tensor, "batch channels height width"]
ChannelValues = tuple[float, float, float]
Interpolation = Literal["bilinear", "bicubic"]

ORIENTATION = 0x0112
TURNS = (
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)
"""What turns a picture upright, for the EXIF orientations 2 to 8."""
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L")

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Preprocessing:
    """From a picture to a network's input: scale the shorter side, cut the centre, standardise.

    Args:
        size: Height and width of the input, in pixels.
        mean: Mean of each channel, in units of pixels in [0, 1].
        std: Standard deviation of each channel, in the same units.
        crop_share: Share of the scaled picture's shorter side that the input shows.
        interpolation: How pictures are scaled; antialiased.

    Examples:
        >>> preprocessing = Preprocessing((32, 32), mean=(0.5,) * 3, std=(0.25,) * 3)
        >>> preprocessing.from_image(Image.new("RGB", (64, 48))).shape
        torch.Size([3, 32, 32])
    """

    size: tuple[int, int]
    mean: ChannelValues
    std: ChannelValues
    crop_share: float = 1.0
    interpolation: Interpolation = "bilinear"

    @property
    def statistics(self) -> tuple[ChannelValues, ChannelValues]:
        """Mean and standard deviation."""
        return self.mean, self.std

    def from_image(self, picture: Image.Image) -> Float[Tensor, "3 height width"]:
        """Prepare an RGB picture of any size, as evaluation does."""
        height, width = (round(side / self.crop_share) for side in self.size)
        picture = fit(picture, (height, width), interpolation=self.interpolation)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        return self.standardise(self.center(pixels[None]))[0]

    def __call__(self, picture: Image.Image) -> Float[Tensor, "3 height width"]:
        """The same as :meth:`from_image`, for libraries that call their transforms."""
        return self.from_image(picture)

    def center(self, images: Pixels) -> UInt8[Tensor, "batch channels rows columns"]:
        """What evaluation shows of images that are kept larger than the network sees."""
        return center(images, self.size)

    def standardise(self, images: Pixels) -> Images:
        """Compute ``(images / 255 - mean) / std`` in float32, channels last in memory."""
        return affine(images, *self.coefficients(images.device))

    def coefficients(
        self, device: torch.device | str
    ) -> tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]]:
        """Scale and shift of each channel that standardise bytes."""
        scale = [1 / (255 * s) for s in self.std]
        shift = [-m / s for m, s in zip(self.mean, self.std, strict=True)]
        return torch.tensor(scale, device=device), torch.tensor(shift, device=device)

    def pixels(
        self, images: Float[Tensor, "*batch 3 height width"]
    ) -> UInt8[Tensor, "*batch 3 height width"]:
        """Bytes of standardised images; values outside of [0, 1] are clamped."""
        mean, std = (
            torch.tensor(values, device=images.device)[:, None, None]
            for values in (self.mean, self.std)
        )
        return ((images * std + mean) * 255).round_().clamp_(0, 255).to(torch.uint8)


def standardise(images: Pixels, mean: ChannelValues, std: ChannelValues) -> Images:
    """Compute ``(images / 255 - mean) / std`` in float32, channels last in memory.

    Args:
        images: Pixels, 0 to 255.
        mean: Mean of each channel, in units of pixels in [0, 1].
        std: Standard deviation of each channel, in the same units.
    """
    return Preprocessing((images.shape[2], images.shape[3]), mean, std).standardise(images)


def affine(
    images: Pixels, scale: Float[Tensor, " channels"], shift: Float[Tensor, " channels"]
) -> Images:
    """Compute ``images * scale + shift`` in float32, channels last in memory."""
    pixels = torch.stack(images.unbind(1), -1)
    # All of an image is one axis here: an axis of three channels is too short for vector units.
    count = pixels[0, :, :, 0].numel()
    flat = pixels.flatten(1).float().mul_(scale.repeat(count)).add_(shift.repeat(count))
    return flat.view(pixels.shape).permute(0, 3, 1, 2)


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any picture upright and into three channels of 8 bits."""
    turn = upright_turn(image)
    upright = image if turn is None else image.transpose(turn)
    if upright.mode in DEEP_MODES:
        pixels = np.asarray(upright)
        return Image.fromarray((pixels >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if upright.has_transparency_data:
        over = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return upright.convert("RGB")


def upright_turn(image: Image.Image) -> Image.Transpose | None:
    """How a picture is to be turned by its EXIF orientation; None if it is upright."""
    # Not Pillow's own exif_transpose: it writes the other tags again, and fails where one has an
    # unexpected type.
    try:
        orientation = image.getexif().get(ORIENTATION)
    except Exception:  # whatever a damaged tag makes Pillow raise: the pixels are sound
        return None
    if isinstance(orientation, int) and 2 <= orientation <= 8:
        return TURNS[orientation - 2]
    return None


def fit(
    picture: Image.Image, size: tuple[int, int], *, interpolation: Interpolation = "bilinear"
) -> Image.Image:
    """Scale a picture until it just covers ``size`` (height, width), and cut the centre.

    To the pixel as torchvision's Resize and CenterCrop do, hence as timm's transform does.
    """
    height, width = size
    if height * picture.width >= width * picture.height:
        target, source = height, picture.height
    else:
        target, source = width, picture.width
    scaled = int(target * picture.width / source), int(target * picture.height / source)
    left, top = round((scaled[0] - width) / 2), round((scaled[1] - height) / 2)
    box = (left, top, left + width, top + height)
    return picture.resize(scaled, _FILTERS[interpolation]).crop(box)


def center(images: Pixels, size: tuple[int, int]) -> UInt8[Tensor, "batch channels rows columns"]:
    """The central ``size`` (height, width) of images; of square multiples of it, all, scaled down.

    Smaller images are a ValueError.
    """
    (height, width), (rows, columns) = images.shape[2:], size
    if height < rows or width < columns:
        raise ValueError(f"images of {height} × {width} pixels hold none of {rows} × {columns}")
    # Whole multiples are kept for training's random crops alone: a crop of all is this picture.
    if height == width and rows == columns and height % rows == 0:
        return shrink(images, rows)
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[:, :, top : top + rows, left : left + columns]


def shrink(images: Pixels, size: int) -> UInt8[Tensor, "batch channels size size"]:
    """Scale whole square images to ``size``, as random crops scale their boxes."""
    side = images.shape[2]
    if side == size:
        return images
    whole = torch.tensor([float(side)], device=images.device)
    weights = box_weights(torch.zeros_like(whole), whole, side, size)
    return resample(images, weights, weights)


def resample(
    images: Pixels,
    rows: Float[Tensor, "_ size height"],
    columns: Float[Tensor, "_ size width"],
) -> UInt8[Tensor, "batch channels size size"]:
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
