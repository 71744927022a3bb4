"""How good predictions are: pure functions over logits and labels, in double precision.

Shares are in percent, so that what is stored is what is printed. Of equal logits the first class
counts as the more probable one, in all scores alike.
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
    macro_f1: float
    """Mean over the classes that occur of each class's F1, percent."""
    nll: float
    """Mean negative log-likelihood of the labels, nats."""
    ece: float
    """Expected calibration error, percent."""
    brier: float
    """Brier score, in ``[0, 2]``."""


class ClassScores(NamedTuple):
    """How good one exit's predictions are on one split, class by class; shares in percent."""

    images: Int[Tensor, " classes"]
    """Images whose label is the class."""
    precision: Float[Tensor, " classes"]
    """Share of the images predicted as the class that are of it; 0 where there are none."""
    recall: Float[Tensor, " classes"]
    """Share of the class's images that are predicted as it; NaN for a class without images."""
    f1: Float[Tensor, " classes"]
    """Harmonic mean of precision and recall; NaN for a class without images."""


def score(logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]) -> Scores:
    """Compute all scores.

    Args:
        logits: Predictions of at least one image, in any floating type.
        labels: The true class of each image.
    """
    assert len(labels) > 0, "a split has images"
    logits, labels = logits.detach().cpu().double(), labels.cpu().long()
    probabilities = logits.softmax(1)
    ranks = label_ranks(logits, labels)
    right = ranks == 0
    classes = score_classes(logits, labels)
    return Scores(
        accuracy=_percent(right),
        top5=_percent(ranks < min(5, logits.shape[1])),
        macro_accuracy=classes.recall.nanmean().item(),
        macro_f1=classes.f1.nanmean().item(),
        nll=F.cross_entropy(logits, labels).item(),
        ece=calibration_error(probabilities.amax(1), right),
        brier=brier(probabilities, labels),
    )


def label_ranks(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]
) -> Int[Tensor, " images"]:
    """Number of classes that come before each label, by logit and then by position.

    Classes whose logit is not a number come before all others: such an image is never right.
    """
    own = logits.gather(1, labels[:, None])
    positions = torch.arange(logits.shape[1], device=logits.device)
    earlier = (logits == own) & (positions < labels[:, None])
    return (~(logits <= own) | earlier).sum(1)


def score_classes(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]
) -> ClassScores:
    r"""Precision, recall and F1 of each class, as scikit-learn has them with ``zero_division=0``.

    .. math:: P_k = \frac{h_k}{p_k}, \qquad R_k = \frac{h_k}{n_k}, \qquad
        F_k = \frac{2 h_k}{p_k + n_k}

    of :math:`n_k` images of class :math:`k`, :math:`p_k` predicted as it, :math:`h_k` of them
    rightly. The mean of :math:`R_k` is the macro accuracy (balanced accuracy), that of :math:`F_k`
    macro F1, both over the classes with :math:`n_k > 0`.
    """
    logits, labels = logits.detach().cpu().double(), labels.cpu().long()
    classes = logits.shape[1]
    right = label_ranks(logits, labels) == 0
    images = torch.bincount(labels, minlength=classes)
    predicted = torch.bincount(logits.argmax(1), minlength=classes)
    hits = 100 * torch.bincount(labels[right], minlength=classes).double()
    return ClassScores(
        images=images,
        precision=hits / predicted.clamp_min(1),
        recall=hits / images,  # 0 / 0 is NaN: of no images
        f1=(2 * hits / (predicted + images)).where(images > 0, torch.nan),
    )


def calibration_error(
    confidence: Float[Tensor, " images"], right: Bool[Tensor, " images"]
) -> float:
    r"""Expected calibration error of the most probable class, percent.

    .. math:: \mathrm{ECE} = \sum_{m=1}^{M} \frac{|B_m|}{n}
        \left|\, \mathrm{accuracy}(B_m) - \mathrm{confidence}(B_m) \,\right|

    where bin :math:`B_m` holds the images with confidence in :math:`((m-1)/M, m/M]`, and
    :math:`M = 15` (Guo et al. 2017, section 2).

    Args:
        confidence: Probability of each image's most probable class.
        right: Whether that class is the label.
    """
    # torchmetrics puts a confidence of exactly 1 into a sixteenth bin, and computes in fp32
    bins = ((confidence * CALIBRATION_BINS).ceil().long() - 1).clamp(0, CALIBRATION_BINS - 1)
    surplus = right.double() - confidence.double()
    sums = torch.zeros(CALIBRATION_BINS, dtype=torch.float64).index_add_(0, bins, surplus)
    return 100 * sums.abs().sum().item() / len(confidence)


def brier(probabilities: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]) -> float:
    r"""Brier score: mean over images of :math:`\sum_k (p_k - y_k)^2`."""
    truth = F.one_hot(labels, probabilities.shape[1])
    return (probabilities - truth).square().sum(1).mean().item()


def _percent(hits: Bool[Tensor, " images"]) -> float:
    return 100 * hits.double().mean().item()
