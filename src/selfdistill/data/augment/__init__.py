"""Augmentations and mixings of training images, each a pure function of images and draws."""

from .base import Augmentation, Pipeline
from .colour import ColourJitter
from .crops import PadCrop, RandomResizedCrop
from .erasing import Cutout, RandomErasing
from .geometry import Flip, Rotation
from .mixing import CutMix, Mixing, Mixup, StyleMixing
from .policies import AutoAugment, RandAugment, TrivialAugment

__all__ = [
    "Augmentation",
    "AutoAugment",
    "ColourJitter",
    "CutMix",
    "Cutout",
    "Flip",
    "Mixing",
    "Mixup",
    "PadCrop",
    "Pipeline",
    "RandAugment",
    "RandomErasing",
    "RandomResizedCrop",
    "Rotation",
    "StyleMixing",
    "TrivialAugment",
]
