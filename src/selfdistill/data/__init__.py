"""Images, labels, splits, augmentation, and the batches that training sees."""

from .augment import Augmentation, Cutout, Flip, PadCrop
from .batches import Batch, Batches, Epoch
from .cifar import CIFAR10, CIFAR100
from .colour import ColourJitter
from .digits import Digits
from .erasing import RandomErasing
from .fashion_mnist import FashionMNIST
from .geometry import Rotation
from .hugging_face import HuggingFace
from .image_folder import ImageFolder
from .image_set import DataSet, ImageSet, Splits, channel_statistics, stratified
from .label_table import LabelTable
from .mixing import CutMix, Mixing, Mixup
from .pipeline import Pipeline, standardise
from .policies import AutoAugment, RandAugment, TrivialAugment
from .randomness import generator
from .resized_crop import RandomResizedCrop, as_evaluated
from .sheet import augmentation_sheet
from .style_mixing import StyleMixing
from .tiny_imagenet import TinyImageNet

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
    "LabelTable",
    "Mixing",
    "Mixup",
    "PadCrop",
    "Pipeline",
    "RandAugment",
    "RandomErasing",
    "RandomResizedCrop",
    "Rotation",
    "Splits",
    "StyleMixing",
    "TinyImageNet",
    "TrivialAugment",
    "as_evaluated",
    "augmentation_sheet",
    "channel_statistics",
    "generator",
    "standardise",
    "stratified",
]
