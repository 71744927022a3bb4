r"""Stopping early: at which exit each image is answered, and thresholds that are fitted to images.

An image leaves at the first exit whose confidence in it lies above that exit's threshold; the
network answers what is left. Exit :math:`k` is asked only about the images that no exit before it
has answered, so its threshold is fitted on these.

:func:`fit_risk` bounds the share of wrong answers among those that leave at each exit, as
:mod:`.abstention` bounds that among all answers. Which images reach exit :math:`k` depends on the
thresholds before it, chosen on the same images among :math:`R + 1` each, of :math:`R` ranks and
none; so its tests are made at the level

.. math:: \delta_k = \frac{\delta}{K \, (R + 1)^{k - 1}}, \qquad k = 1, \dots, K,

by which all of them hold together, whichever thresholds come out, with confidence
:math:`1 - \delta` (Bonferroni). :func:`trade_off` promises nothing: it lowers thresholds step by
step, each time where the fewest answers are lost for the multiply-adds that are saved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .abstention import CONFIDENCE, STEPS, risk_table

NEVER, ALWAYS = 1.0, 0.0
"""Thresholds at which no image leaves, and every one."""
PATH_STEPS = 40
"""Parts of the images that leave an exit together, on the way from none to all."""


@dataclass(frozen=True)
class ExitAnswers:
    """What exits say of some images.

    Args:
        confidence: Probability of the most probable class, ``(exits, images)``, shallow to deep.
        correct: Whether that is the image's class; ``(exits + 1, images)``, the network's last.
    """

    confidence: NDArray[np.float64]
    correct: NDArray[np.bool_]

    def select(self, exits: Sequence[int]) -> "ExitAnswers":
        """The same of some of the exits, and the network."""
        rows = list(exits)
        return ExitAnswers(self.confidence[rows], self.correct[[*rows, -1]])


class EarlyScore(NamedTuple):
    """What becomes of images that may leave early; the network is the last of the exits."""

    thresholds: tuple[float, ...]
    reached: tuple[int, ...]
    """Images that each exit was asked about."""
    answered: tuple[int, ...]
    wrong: tuple[int, ...]
    """How many of the answered are answered wrongly."""

    @property
    def accuracy(self) -> float:
        """Right answers, percent."""
        return 100 * (1 - sum(self.wrong) / self.reached[0])

    @property
    def risk(self) -> float | None:
        """Share of wrong answers among those given early; None where none was."""
        early = sum(self.answered[:-1])
        return sum(self.wrong[:-1]) / early if early else None

    def mean_macs(self, macs: Sequence[int]) -> float:
        """Multiply-adds of an image, on average.

        Args:
            macs: Those of an image until each exit has answered.
        """
        pairs = zip(self.answered, macs, strict=True)
        return sum(count * cost for count, cost in pairs) / self.reached[0]


def exits_taken(confidence: NDArray[np.float64], thresholds: Sequence[float]) -> NDArray[np.int64]:
    """The position of the exit at which each image leaves; that of the network is the last."""
    sure = confidence > np.asarray(thresholds)[:, None]
    return np.vstack([sure, np.ones_like(sure[:1])]).argmax(0)


def early_score(answers: ExitAnswers, thresholds: Sequence[float]) -> EarlyScore:
    """Count the images that reach each exit, leave there, and are answered wrongly."""
    taken = exits_taken(answers.confidence, thresholds)
    count = len(answers.correct)
    answered = np.bincount(taken, minlength=count)
    correct = answers.correct[taken, np.arange(len(taken))]
    wrong = np.bincount(taken[~correct], minlength=count)
    reached = answered[::-1].cumsum()[::-1]
    return EarlyScore(
        tuple(thresholds), *(tuple(map(int, counts)) for counts in (reached, answered, wrong))
    )


def fit_risk(
    answers: ExitAnswers, rate: float, *, confidence: float = CONFIDENCE
) -> tuple[float, ...]:
    """Thresholds above which at most a rate of the answers of each exit is wrong.

    Args:
        answers: Of held-out images.
        rate: The promised share of wrong answers among early ones, within 0 and 1.
        confidence: Probability, over the draw of the images, that it is kept at every exit.

    Returns:
        One for each exit; :data:`NEVER` where no threshold keeps the promise.
    """
    reach = np.ones(answers.confidence.shape[1], np.bool_)
    thresholds: list[float] = []
    choices = len(answers.confidence)
    for scores, correct in zip(answers.confidence, answers.correct[:-1], strict=True):
        table = risk_table(scores[reach], correct[reach], choices=choices)
        threshold = table.threshold(rate, confidence=confidence)
        thresholds.append(NEVER if threshold is None else threshold)
        reach &= scores <= thresholds[-1]
        choices *= STEPS + 1
    return tuple(thresholds)


def trade_off(answers: ExitAnswers, macs: Sequence[int]) -> list[EarlyScore]:
    """From no image that leaves early to all that leave at the first exit, a step at a time.

    Args:
        answers: Of held-out images.
        macs: Multiply-adds of an image until each exit has answered, the network's last.
    """
    path = [early_score(answers, (NEVER,) * len(answers.confidence))]
    while True:
        here = path[-1]
        options = [
            early_score(answers, (*here.thresholds[:k], lower, *here.thresholds[k + 1 :]))
            for k in range(len(answers.confidence))
            if (lower := _lower_threshold(answers, here.thresholds, k)) is not None
        ]
        if not options:
            return path
        lost, cost = sum(here.wrong), here.mean_macs(macs)
        path.append(
            min(options, key=lambda one: (sum(one.wrong) - lost) / (cost - one.mean_macs(macs)))
        )


def _lower_threshold(answers: ExitAnswers, thresholds: Sequence[float], exit: int) -> float | None:
    """The next threshold at which more images leave an exit; None where all that reach it do."""
    going_on = exits_taken(answers.confidence, thresholds) > exit
    scores = np.sort(answers.confidence[exit][going_on])[::-1]
    if not len(scores):
        return None
    step = -(-len(going_on) // PATH_STEPS)
    lower = scores[step] if step < len(scores) else ALWAYS
    if lower == scores[0]:  # equal ones leave together
        lower = max(scores[scores < lower], default=ALWAYS)
    return float(lower)
