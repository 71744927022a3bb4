"""The named operations that policies of augmentation choose from, on groups of images."""

import math
from dataclasses import dataclass

import torch

from ...resizing import Pixels

RANDOM = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)
"""What random policies choose from."""
_ENHANCEMENTS = ("Brightness", "Color", "Contrast", "Sharpness")
SIGNED = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", *_ENHANCEMENTS)
"""Operations that go either way."""


@dataclass(frozen=True)
class Ranges:
    """How strong each operation is at full level."""

    shear: float
    """Pixels sideways for each pixel of distance."""
    rotation: float
    """Degrees."""
    enhancement: float
    """Change of the factor of brightness, colour, contrast and sharpness."""
    bits: int
    """Bits that posterising takes from a value's eight."""
    translation: float | None = None
    """Pixels, or None for 150/331 of the image's side."""

    def magnitude(self, name: str, level: float, size: tuple[int, int]) -> float:
        """The strength of an operation on images of a size (height, width).

        The level is within 0 to 1, or below 0 to the other side where the operation has one.
        """
        if name in ("ShearX", "ShearY"):
            return level * self.shear
        if name in ("TranslateX", "TranslateY"):
            side = size[1] if name == "TranslateX" else size[0]
            full = 150 / 331 * side if self.translation is None else self.translation
            return float(int(level * full))
        if name == "Rotate":
            return level * self.rotation
        if name in _ENHANCEMENTS:
            return level * self.enhancement
        if name == "Posterize":
            return float(round(8 - level * self.bits))
        return 255 * (1 - level) if name == "Solarize" else 0.0


Choice = tuple[str, float]
"""An operation and its strength."""


def operate(images: Pixels, choices: list[Choice]) -> Pixels:
    """Change each image by its choice; images with the same choice together."""
    groups: dict[Choice, list[int]] = {}
    for row, choice in enumerate(choices):
        groups.setdefault(choice, []).append(row)
    groups.pop(("Identity", 0), None)
    result = images.clone()
    for (name, strength), members in groups.items():
        rows = torch.tensor(members, device=images.device)
        result[rows] = _operate(name, images[rows], strength)
    return result


def _operate(name: str, images: Pixels, strength: float) -> Pixels:
    # Importing torchvision takes seconds that few recipes need to wait.
    from torchvision.transforms.v2 import functional

    along = [strength, 0.0] if name.endswith("X") else [0.0, strength]
    match name:
        case "ShearX" | "ShearY":
            shear = [math.degrees(math.atan(part)) for part in along]
            # The policies shear from the upper left corner.
            return functional.affine(
                images, angle=0, translate=[0, 0], scale=1, shear=shear, center=[0.0, 0.0]
            )
        case "TranslateX" | "TranslateY":
            return functional.affine(images, angle=0, translate=along, scale=1, shear=[0.0, 0.0])
        case "Rotate":
            return functional.rotate(images, angle=strength)
        case "Brightness":
            return functional.adjust_brightness(images, 1 + strength)
        case "Color":
            return functional.adjust_saturation(images, 1 + strength)
        case "Contrast":
            return functional.adjust_contrast(images, 1 + strength)
        case "Sharpness":
            return functional.adjust_sharpness(images, 1 + strength)
        case "Posterize":
            return functional.posterize(images, int(strength))
        case "Solarize":
            return functional.solarize(images, strength)
        case "AutoContrast":
            return functional.autocontrast(images)
        case "Equalize":
            return functional.equalize(images)
        case _:
            assert name == "Invert"
            return functional.invert(images)
