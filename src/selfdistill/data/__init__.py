"""Images, labels, splits, augmentation, and the batches that training sees."""

from ..preprocessing import Preprocessing, standardise
from .augment import (
    Augmentation,
    AutoAugment,
    ColourJitter,
    CutMix,
    Cutout,
    Flip,
    Mixing,
    Mixup,
    PadCrop,
    Pipeline,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    StyleMixing,
    TrivialAugment,
)
from .balance import Balance, imbalance
from .batches import Batch, Batches, Epoch, part_size
from .datasets import CIFAR10, CIFAR100, Digits, FashionMNIST, TinyImageNet
from .image_set import DataSet, ImageSet, InMemory, Splits, channel_statistics
from .images import HuggingFace, ImageFolder, LabelTable
from .pairs import MapDataset, rgb_image
from .randomness import generator, uniform
from .splitting import split_in_memory, stratified

DATA_SETS: tuple[type[DataSet], ...] = (
    *(Digits, FashionMNIST, CIFAR10, CIFAR100, TinyImageNet),
    *(ImageFolder, LabelTable, HuggingFace),
)

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "DATA_SETS",
    "Augmentation",
    "AutoAugment",
    "Balance",
    "Batch",
    "Batches",
    "ColourJitter",
    "CutMix",
    "Cutout",
    "DataSet",
    "Digits",
    "Epoch",
    "FashionMNIST",
    "Flip",
    "HuggingFace",
    "ImageFolder",
    "ImageSet",
    "InMemory",
    "LabelTable",
    "MapDataset",
    "Mixing",
    "Mixup",
    "PadCrop",
    "Pipeline",
    "Preprocessing",
    "RandAugment",
    "RandomErasing",
    "RandomResizedCrop",
    "Rotation",
    "Splits",
    "StyleMixing",
    "TinyImageNet",
    "TrivialAugment",
    "channel_statistics",
    "generator",
    "imbalance",
    "part_size",
    "rgb_image",
    "split_in_memory",
    "standardise",
    "stratified",
    "uniform",
]
