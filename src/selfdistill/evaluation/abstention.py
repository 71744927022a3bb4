r"""Abstaining: which answers a network keeps back, so that few of the others are wrong.

An image is answered if its score, such as the probability of its most probable class, lies above
a threshold. The threshold is chosen on held-out images so that, with a stated confidence over
their draw, the share of wrong answers among those given is at most a promised rate:

.. math:: \Pr\left( \Pr(\text{wrong} \mid \text{score} > \hat t) \le \alpha \right) \ge 1 - \delta

With the scores :math:`s_{(1)} \ge s_{(2)} \ge \dots`, the thresholds tried are :math:`s_{(r)}` at
ranks :math:`r` that are twentieths of the number of images. Of the :math:`m` images above one,
which are independent given the threshold, :math:`k` are answered wrongly; that the rate is above
:math:`\alpha` there is refuted at level :math:`\delta` if :math:`\Pr(B \le k) \le \delta` for
:math:`B \sim \mathrm{Binomial}(m, \alpha)` (Clopper and Pearson 1934). The tests go from the surest
images downwards and end at the first that fails (fixed-sequence testing; Angelopoulos et al. 2021,
"Learn then Test"), so that all of them together err with probability :math:`\delta` at most.

It holds for images drawn as the held-out ones were, and for scores by which the error rate of the
answered, once it has passed :math:`\alpha` as more are answered, does not fall below it again.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.9
STEPS = 20
"""Ranks at which a threshold may lie."""


@dataclass(frozen=True)
class RiskTable:
    """How many of some held-out images are answered above each threshold, and how many wrongly.

    Args:
        thresholds: Descending scores.
        answered: Images with a score above each threshold.
        wrong: How many of these are answered wrongly.
        images: All held-out images.
        choices: Networks among which the same images chose this one; 1 if they chose nothing.
    """

    thresholds: tuple[float, ...]
    answered: tuple[int, ...]
    wrong: tuple[int, ...]
    images: int
    choices: int = 1

    def threshold(self, rate: float, *, confidence: float = CONFIDENCE) -> float | None:
        """The lowest threshold above which at most a rate of answers is wrong.

        Args:
            rate: The promised share of wrong answers among those given, within 0 and 1.
            confidence: Probability, over the draw of the held-out images, that it is kept. What
                may fail is shared between the networks that they chose from (Bonferroni).

        Returns:
            None where no threshold keeps the promise.
        """
        from scipy.special import bdtr  # slow to load, and not needed to train

        level, lowest = (1 - confidence) / self.choices, None
        for threshold, answered, wrong in zip(
            self.thresholds, self.answered, self.wrong, strict=True
        ):
            if answered < _answers_needed(rate, level):
                continue  # not even without a mistake
            if bdtr(wrong, answered, rate) > level:
                break
            lowest = threshold
        return lowest

    def lowest_rate(self) -> float | None:
        """The lowest rate that can be promised, to a tenth of a percent; None if there is none."""
        rates = (tenths / 1000 for tenths in range(1, 1000))
        return next((rate for rate in rates if self.threshold(rate) is not None), None)


def risk_table(scores: ArrayLike, correct: ArrayLike, *, choices: int = 1) -> RiskTable:
    """Count held-out images by score and by whether they are answered correctly.

    Args:
        scores: A finite number for each image, the larger the surer.
        correct: Whether each image is answered correctly.
        choices: Networks among which these images chose this one.
    """
    scores, correct = np.asarray(scores, np.float64), np.asarray(correct, np.bool_)
    assert scores.shape == correct.shape, "one score for each image"
    count = len(scores)
    descending = np.sort(scores)[::-1]
    ranks = sorted({-(-count * step // STEPS) for step in range(1, STEPS + 1)} - {0})
    thresholds = dict.fromkeys(float(descending[rank - 1]) for rank in ranks)
    return RiskTable(
        tuple(thresholds),
        tuple(int((scores > one).sum()) for one in thresholds),
        tuple(int((~correct & (scores > one)).sum()) for one in thresholds),
        count,
        choices,
    )


def images_needed(rate: float, *, choices: int = 1, confidence: float = CONFIDENCE) -> int:
    """Held-out images, all answered correctly, that it takes to promise a rate."""
    return _answers_needed(rate, (1 - confidence) / choices) + 1


def _answers_needed(rate: float, level: float) -> int:
    """The fewest answers, all correct, that refute a higher rate: ``(1 - rate)^n <= level``."""
    return math.ceil(math.log(level) / math.log1p(-rate))
