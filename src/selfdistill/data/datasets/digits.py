"""The handwritten digits that come with scikit-learn: no files, no network."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from ..image_set import DataSet, ImageSet, Splits, channel_statistics
from ..splitting import stratified


@dataclass(frozen=True, kw_only=True)
class Digits(DataSet):
    """Handwritten digits, 8 × 8 pixels enlarged to 32 × 32.

    The smallest class has 174 images, which the three splits share.

    Args:
        train_per_class: Training images of each digit.
        test_per_class: Test images of each digit.
        validation_per_class: Validation images of each digit; 0 for no such split.
        split_seed: Decides which image belongs to which split.

    Examples:
        >>> len(Digits(train_per_class=20).splits().train)
        200
    """

    train_per_class: int = 20
    test_per_class: int = 100
    validation_per_class: int = 0
    split_seed: int = 0

    def splits(self) -> Splits:
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
        images = enlarge(torch.from_numpy(pixels).view(-1, 8, 8))
        everything = ImageSet(images, torch.from_numpy(labels).long(), tuple("0123456789"))
        # In this order the test split depends on no other split's size.
        test, others = _set_aside(everything, self.test_per_class, self.split_seed)
        validation, others = _set_aside(others, self.validation_per_class, self.split_seed)
        train, _ = _set_aside(others, self.train_per_class, self.split_seed)
        statistics = channel_statistics(train.images)
        return Splits(train, validation if len(validation) else None, test, *statistics)


def enlarge(digits: Float64[Tensor, "n 8 8"]) -> UInt8[Tensor, "n 3 32 32"]:
    """Enlarge four times (bilinear) and repeat the grey value; from 0 … 16 to 0 … 255."""
    # All weights are fractions of powers of two: float64 holds every result before rounding
    # exactly, on every processor.
    grey = interpolate(digits[:, None] * (255 / 16), size=(32, 32), mode="bilinear")
    return grey.round().to(torch.uint8).repeat(1, 3, 1, 1)


def _set_aside(images: ImageSet, per_class: int, seed: int) -> tuple[ImageSet, ImageSet]:
    chosen, rest = stratified(images.labels, per_class, seed)
    return images.subset(chosen), images.subset(rest)
