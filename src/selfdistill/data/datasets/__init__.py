"""Official data sets: fetched, checked, read and divided."""

from .base import BenchmarkSet, DownloadableSet
from .cifar import CIFAR10, CIFAR100
from .digits import Digits
from .fashion_mnist import FashionMNIST
from .tiny_imagenet import TinyImageNet

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "BenchmarkSet",
    "Digits",
    "DownloadableSet",
    "FashionMNIST",
    "TinyImageNet",
]
