"""One temperature for all of a network's logits, fitted on images that did not train it."""

from functools import partial

from jaxtyping import Float, Int
from torch import Tensor

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.01, 100.0


def fit_temperature(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]
) -> float:
    r"""The temperature :math:`T` that makes ``softmax(logits / T)`` most likely.

    .. math:: \min_{s = 1/T} \; -\sum_i \log \mathrm{softmax}(s z_i)_{y_i} \;+\; (s - \log s)

    The sum is that of Guo et al. 2017, section 4.2, convex in :math:`s`. The other term weighs as
    much as one image and has its minimum at :math:`T = 1`: without it, few images that are all
    classified correctly would ask for :math:`T = 0`, which is, for certain. With many it does not
    matter.

    Args:
        logits: Of at least one image, finite.
        labels: The true class of each image.

    Returns:
        Above 1 for a network that is too sure, below 1 for one that is not sure enough; within
        0.01 to 100.
    """
    from scipy.optimize import root_scalar  # slow to load, and not needed to train

    logits, labels = logits.detach().cpu().double(), labels.cpu().long()
    slope = partial(_slope, logits, logits.gather(1, labels[:, None]).sum())
    low, high = 1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE
    if slope(low) >= 0:
        return MAX_TEMPERATURE
    if slope(high) <= 0:
        return MIN_TEMPERATURE
    return 1 / float(root_scalar(slope, bracket=(low, high)).root)


def cross_scaled(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, " images"]
) -> Float[Tensor, "images classes"]:
    """Logits over a temperature that was not fitted on them: each half's on the other half.

    Every second image is of the same half, so that images in the order of their classes are
    divided class by class. One image alone stays as it is.
    """
    scaled = logits.detach().cpu().double().clone()
    for half in (0, 1) if len(labels) > 1 else ():
        others = slice(1 - half, None, 2)
        scaled[half::2] /= fit_temperature(logits[others], labels[others])
    return scaled


def _slope(logits: Tensor, of_labels: Tensor, inverse: float) -> float:
    """Derivative of the objective by the inverse temperature."""
    expected = ((inverse * logits).softmax(1) * logits).sum()
    return float(expected - of_labels) + 1 - 1 / inverse
