"""Images, labels, splits, augmentation, and the batches that training sees."""

from .augment import Augmentation, Cutout, Flip, PadCrop
from .batches import Batch, Batches, Epoch
from .cifar import CIFAR10, CIFAR100
from .digits import Digits
from .image_set import DataSet, ImageSet, Splits, channel_statistics, stratified
from .pipeline import Pipeline, standardise
from .randomness import generator

DATA_SETS: tuple[type[DataSet], ...] = (Digits, CIFAR10, CIFAR100)

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "DATA_SETS",
    "Augmentation",
    "Batch",
    "Batches",
    "Cutout",
    "DataSet",
    "Digits",
    "Epoch",
    "Flip",
    "ImageSet",
    "PadCrop",
    "Pipeline",
    "Splits",
    "channel_statistics",
    "generator",
    "standardise",
    "stratified",
]
