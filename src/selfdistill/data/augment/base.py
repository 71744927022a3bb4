"""Batched augmentation: pure functions of images and of one row of uniform draws an image."""

import abc
from typing import ClassVar

from jaxtyping import Float, Int64
from torch import Tensor

from ...preprocessing import Images, Pixels

Draws = Float[Tensor, "batch columns"]


class Augmentation(abc.ABC):
    """A random change of images, decided by uniform draws in [0, 1) alone."""

    columns: ClassVar[int]
    """Draws needed for an image."""
    standardised: ClassVar[bool] = False
    """Whether it acts on standardised images, not on pixels."""
    rotates: ClassVar[bool] = False
    """Whether it may turn an image, which methods that tell rotations apart refuse."""

    @abc.abstractmethod
    def apply(self, images: Pixels | Images, draws: Draws) -> Pixels | Images:
        """Change each image by its own row of draws."""

    def sized(self, size: int) -> "Augmentation":
        """The same augmentation for a network that sees images of that height and width."""
        del size
        return self


def integers(draws: Float[Tensor, "*shape"], count: int) -> Int64[Tensor, "*shape"]:
    """Turn uniform draws in [0, 1] into uniform integers from 0 to ``count - 1``."""
    return (draws * count).long().clamp(max=count - 1)
