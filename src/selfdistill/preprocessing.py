"""Make RGB, bring to a size, standardise: the same code in training, evaluation and deployment."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from .resizing import Pixels, Size, shrink

Images = Float[Tensor, "batch channels height width"]
ChannelValues = tuple[float, float, float]
Fit = Literal["crop", "pad", "stretch"]
Interpolation = Literal["bilinear", "bicubic"]
Colour = tuple[int, int, int]

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
IMAGENET_MEAN: ChannelValues = (0.485, 0.456, 0.406)
IMAGENET_STD: ChannelValues = (0.229, 0.224, 0.225)
CROP_MODES: dict[Fit, str] = {"crop": "center", "pad": "border", "stretch": "squash"}
"""What timm calls them."""
SHARE_DIGITS = 10**6
"""Shares are stored with six digits, rounded down: timm divides by them and drops the fraction."""
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Preprocessing:
    """From a picture to a network's input: bring it to the size, standardise.

    Args:
        size: Height and width of the input, in pixels.
        mean: Mean of each channel, in units of pixels in [0, 1].
        std: Standard deviation of each channel, in the same units.
        crop_share: Share of the scaled picture's height and width that the input shows.
        interpolation: How pictures are scaled; antialiased.
        fit: What becomes of other proportions: ``crop`` cuts off what is too long, ``pad`` adds
            borders of the mean colour, ``stretch`` scales each side by itself.

    Examples:
        >>> preprocessing = Preprocessing((32, 32), mean=(0.5,) * 3, std=(0.25,) * 3)
        >>> preprocessing.from_image(Image.new("RGB", (64, 48))).shape
        torch.Size([3, 32, 32])
    """

    size: Size
    mean: ChannelValues
    std: ChannelValues
    crop_share: float = 1.0
    interpolation: Interpolation = "bilinear"
    fit: Fit = "crop"

    @property
    def fill(self) -> Colour:
        """The colour of the borders that ``pad`` adds: about 0 once standardised, as in timm."""
        red, green, blue = (min(255, max(0, round(255 * value))) for value in self.mean)
        return red, green, blue

    @property
    def statistics(self) -> tuple[ChannelValues, ChannelValues]:
        """Mean and standard deviation."""
        return self.mean, self.std

    def from_image(self, picture: Image.Image) -> Float[Tensor, "3 height width"]:
        """Prepare an RGB picture of any size, as evaluation does."""
        height, width = (math.floor(side / self.crop_share) for side in self.size)  # as timm
        picture = fit_picture(
            picture,
            (height, width),
            fit=self.fit,
            fill=self.fill,
            interpolation=self.interpolation,
        )
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        return self.standardise(cut_centre(pixels[None], self.size))[0]

    def __call__(self, picture: Image.Image) -> Float[Tensor, "3 height width"]:
        """The same as :meth:`from_image`, for libraries that call their transforms."""
        return self.from_image(picture)

    def center(self, images: Pixels) -> UInt8[Tensor, "batch channels rows columns"]:
        """What evaluation shows of images that are kept larger than the network sees."""
        return center(images, self.size, whole=self.crop_share == 1)

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
    batch, channels, height, width = images.shape
    result = scale.new_empty(batch, height, width, channels)
    for plane, own in zip(images.unbind(1), result.unbind(3), strict=True):
        own.copy_(plane)
    # All of an image is one axis here: an axis of three channels is too short for vector units.
    count = height * width
    result.flatten(1).mul_(scale.repeat(count)).add_(shift.repeat(count))
    return result.permute(0, 3, 1, 2)


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


def fit_picture(
    picture: Image.Image,
    size: Size,
    *,
    fit: Fit = "crop",
    fill: Colour = (0, 0, 0),
    interpolation: Interpolation = "bilinear",
) -> Image.Image:
    """Bring an RGB picture to ``size`` (height, width).

    ``crop`` scales it until it just covers the size and cuts the centre, ``pad`` until it just fits
    in, between borders of one colour, and ``stretch`` scales each side by itself. To the pixel as
    timm's transform does in crop mode ``center``, ``border`` and ``squash``.
    """
    height, width = size
    ratios = (picture.height / height, picture.width / width)
    if fit == "stretch":
        scaled = (width, height)
    elif fit == "pad":
        scaled = (round(picture.width / max(ratios)), round(picture.height / max(ratios)))
    elif height == width:  # as torchvision's Resize, which drops fractions
        side = min(picture.size)
        scaled = (height * picture.width // side, height * picture.height // side)
    else:
        scaled = (round(picture.width / min(ratios)), round(picture.height / min(ratios)))
    resized = picture.resize((max(1, scaled[0]), max(1, scaled[1])), _FILTERS[interpolation])
    if fit == "pad":
        padded = Image.new("RGB", (width, height), fill)
        padded.paste(resized, ((width - resized.width) // 2, (height - resized.height) // 2))
        return padded
    left, top = round((resized.width - width) / 2), round((resized.height - height) / 2)
    return resized.crop((left, top, left + width, top + height))


def share_shown(size: Size, stored: Size) -> float:
    """Share of stored images that a network sees, which takes ``size`` of them.

    Of whole multiples it sees all, scaled down: they are kept for training's random crops alone.
    """
    factor, rest = divmod(stored[0], size[0])
    if rest == 0 and stored[1] == factor * size[1]:
        return 1.0
    share = min(size[0] / stored[0], size[1] / stored[1])
    return min(1.0, math.floor(share * SHARE_DIGITS) / SHARE_DIGITS)


def center(
    images: Pixels, size: Size, *, whole: bool = False
) -> UInt8[Tensor, "batch channels rows columns"]:
    """The central ``size`` (height, width) of images; all of them, scaled down, if ``whole``.

    Of square multiples of the size all is shown in any case. Smaller images are a ValueError.
    """
    (height, width), (rows, columns) = images.shape[2:], size
    if (height, width) == size:
        return images
    if height < rows or width < columns:
        raise ValueError(f"images of {height} × {width} pixels hold none of {rows} × {columns}")
    if whole or (height == width and rows == columns and height % rows == 0):
        return shrink(images, size)
    return cut_centre(images, size)


def cut_centre(images: Pixels, size: Size) -> UInt8[Tensor, "batch channels rows columns"]:
    """The central ``size`` (height, width) of images that are as large or larger."""
    (height, width), (rows, columns) = images.shape[2:], size
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[:, :, top : top + rows, left : left + columns]
