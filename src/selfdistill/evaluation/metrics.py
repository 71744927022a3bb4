"""How good predictions are: pure functions over logits and labels, in double precision.

Shares are in percent, so that what is stored is what is printed.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

CALIBRATION_BINS = 15


class Scores(NamedTuple):
    """How good one exit's predictions are on one split."""

    accuracy: float
    """Share of images whose most probable class is the label, percent."""
    top5: float
    """Share of images whose label is among the five most probable classes (all, if fewer)."""
    macro_accuracy: float
    """Mean over the classes that occur of each class's accuracy, percent."""
    nll: float
    """Mean negative log-likelihood of the labels, nats."""
    ece: float
    """Expected calibration error, percent."""
    brier: float
    """Brier score, in ``[0, 2]``."""


def score(logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]) -> Scores:
    """Compute all scores.

    Args:
        logits: Predictions of at least one image, in any floating type.
        labels: The true class of each image.
    """
    assert len(labels) > 0, "a split has images"
    logits, labels = logits.detach().cpu().double(), labels.cpu().long()
    probabilities = logits.softmax(1)
    return Scores(
        accuracy=_percent(_hits(logits, labels, 1)),
        top5=_percent(_hits(logits, labels, 5)),
        macro_accuracy=macro_accuracy(logits, labels),
        nll=F.cross_entropy(logits, labels).item(),
        ece=calibration_error(probabilities, labels),
        brier=brier(probabilities, labels),
    )


def macro_accuracy(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]
) -> float:
    """Mean accuracy of the classes that occur among the labels, percent."""
    classes = logits.shape[1]
    images = torch.bincount(labels, minlength=classes)
    hits = torch.bincount(labels[_hits(logits, labels, 1)], minlength=classes)
    occurs = images > 0
    return 100 * (hits[occurs].double() / images[occurs]).mean().item()


def calibration_error(
    probabilities: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]
) -> float:
    r"""Expected calibration error of the most probable class, percent.

    .. math:: \mathrm{ECE} = \sum_{m=1}^{M} \frac{|B_m|}{n}
        \left|\, \mathrm{accuracy}(B_m) - \mathrm{confidence}(B_m) \,\right|

    where bin :math:`B_m` holds the images with confidence in :math:`((m-1)/M, m/M]`, and
    :math:`M = 15` (Guo et al. 2017, section 2).
    """
    # torchmetrics puts a confidence of exactly 1 into a sixteenth bin, and computes in fp32
    confidence, predicted = probabilities.max(1)
    bins = ((confidence * CALIBRATION_BINS).ceil().long() - 1).clamp(0, CALIBRATION_BINS - 1)
    surplus = (predicted == labels).double() - confidence.double()
    sums = torch.zeros(CALIBRATION_BINS, dtype=torch.float64).index_add_(0, bins, surplus)
    return 100 * sums.abs().sum().item() / len(labels)


def brier(probabilities: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]) -> float:
    r"""Brier score: mean over images of :math:`\sum_k (p_k - y_k)^2`."""
    truth = F.one_hot(labels, probabilities.shape[1])
    return (probabilities - truth).square().sum(1).mean().item()


def _hits(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"], guesses: int
) -> Bool[Tensor, " images"]:
    best = logits.topk(min(guesses, logits.shape[1]), dim=1).indices
    return (best == labels[:, None]).any(1)


def _percent(hits: Bool[Tensor, " images"]) -> float:
    return 100 * hits.double().mean().item()
