"""Images, labels, splits, augmentation, and the batches that training sees."""

from .augment import Augmentation, Cutout, Flip, PadCrop
from .batches import Batch, Batches, Epoch
from .cifar import CIFAR10, CIFAR100
from .colour import ColourJitter
from .digits import Digits
from .erasing import RandomErasing
from .geometry import Rotation
from .image_set import DataSet, ImageSet, Splits, channel_statistics, stratified
from .mixing import CutMix, Mixing, Mixup
from .pipeline import Pipeline, standardise
from .policies import AutoAugment, RandAugment, TrivialAugment
from .randomness import generator
from .sheet import augmentation_sheet
from .style_mixing import StyleMixing

DATA_SETS: tuple[type[DataSet], ...] = (Digits, CIFAR10, CIFAR100)

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "DATA_SETS",
    "Augmentation",
    "AutoAugment",
    "Batch",
    "Batches",
    "ColourJitter",
    "CutMix",
    "Cutout",
    "DataSet",
    "Digits",
    "Epoch",
    "Flip",
    "ImageSet",
    "Mixing",
    "Mixup",
    "PadCrop",
    "Pipeline",
    "RandAugment",
    "RandomErasing",
    "Rotation",
    "Splits",
    "StyleMixing",
    "TrivialAugment",
    "augmentation_sheet",
    "channel_statistics",
    "generator",
    "standardise",
    "stratified",
]
