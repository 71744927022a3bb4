"""Classes of unequal size made to count alike: weights of images, and epochs drawn by them."""

from typing import Literal

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from .image_set import ImageSet
from .randomness import generator

Balance = Literal["none", "loss", "sampling"]

IMBALANCED = 10
"""Times the smallest class that the largest one has, from which on training says so."""


def imbalance(train: ImageSet) -> str:
    """A sentence on the largest and the smallest class where one is many times the other."""
    counts = train.labels.bincount(minlength=len(train.classes))
    (most, largest), (least, smallest) = (
        (int(extreme.values), train.classes[int(extreme.indices)])
        for extreme in (counts.max(0), counts.min(0))
    )
    if most < IMBALANCED * least:
        return ""
    return (
        f"class {largest!r} has {most:,} training images, {smallest!r} {least:,}: --balance loss "
        "or sampling makes classes count alike; macro accuracy says how well rare ones are known"
    )


def class_weights(
    labels: Int64[Tensor, " n"], classes: int, beta: float | None = None
) -> Float64[Tensor, " classes"]:
    r"""The weight of an image of each class; their mean over all images is 1.

    .. math:: w_k \propto \frac{1}{n_k}, \qquad \text{or with } \beta \quad
        w_k \propto \frac{1 - \beta}{1 - \beta^{n_k}}

    of :math:`n_k` images: the inverse of their number, or of their effective number, which grows
    the less the more there are, up to :math:`1 / (1 - \beta)` (Cui et al., Class-Balanced Loss
    Based on Effective Number of Samples, CVPR 2019, arXiv 1901.05555, equation 6).
    """
    counts = labels.bincount(minlength=classes).double()
    number = counts
    if beta is not None:
        number = -torch.expm1(counts * torch.tensor(beta, dtype=torch.float64).log()) / (1 - beta)
    weights = 1 / number.clamp_min(1)
    return weights * (counts.sum() / counts.dot(weights))


def draw_by_weight(
    labels: Int64[Tensor, " n"], weights: Float64[Tensor, " classes"], *, seed: int, epoch: int
) -> Int64[Tensor, " n"]:
    """Positions of the images of an epoch, as many as there are, class after class.

    A class gets its number of images times their weight. Its images take turns through permutations
    that seed, class and round decide: over any number of epochs one is drawn as often as another of
    its class, or once more, and no epoch depends on what was drawn before.
    """
    counts = labels.bincount(minlength=len(weights))
    ends = (counts * weights).cumsum(0).round().long()
    sizes = ends.diff(prepend=ends.new_zeros(1)).tolist()
    groups = labels.argsort(stable=True).split(counts.tolist())
    drawn: list[Int64[Tensor, " some"]] = []
    for label, (images, size) in enumerate(zip(groups, sizes, strict=True)):
        count = max(1, len(images))
        first, end = epoch * size, (epoch + 1) * size
        rounds = range(first // count, -(-end // count))
        turns = [
            images[torch.randperm(len(images), generator=generator(seed, "balance", label, turn))]
            for turn in rounds
        ]
        start = first - rounds.start * count
        drawn.append(torch.cat((images[:0], *turns))[start : start + size])
    return torch.cat(drawn)
