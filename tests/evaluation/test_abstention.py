"""The promise is kept: over divisions of what a trained network said of real images."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta

from selfdistill.evaluation import RiskTable, images_needed, risk_table

DIVISIONS = 200
DIGITS = Path(__file__).parents[1] / "fixtures" / "digits_logits.npz"
"""Of 1,600 digits, by the network of ``selfdistill train --config digits --method CrossEntropy
--data.train-per-class 10 --data.test-per-class 160 --epochs 60``; 4.5 % are wrong."""


@pytest.fixture(scope="module")
def predictions():
    """Confidence, and whether it was right, of each digit."""
    with np.load(DIGITS) as stored:
        logits, labels = stored["network"].astype(np.float64), stored["labels"]
    confidence = 1 / np.exp(logits - logits.max(1, keepdims=True)).sum(1)
    return confidence, logits.argmax(1) == labels


def broken_promises(scores, correct, rate, images, *, rule=risk_table):
    """Divisions after which too many answers would be wrong, and the mean share of answers.

    The promise is about all pictures that the held-out ones are drawn from: here, all digits. Of
    those that were not drawn, the share of wrong answers varies about it by chance.
    """
    broken, covered = 0, []
    for division in range(DIVISIONS):
        known = np.random.default_rng(division).permutation(len(scores))[:images]
        threshold = rule(scores[known], correct[known]).threshold(rate)
        answered = scores > (np.inf if threshold is None else threshold)
        broken += bool(answered.any() and (~correct[answered]).mean() > rate)
        covered.append(answered.mean())
    return broken, np.mean(covered)


@pytest.mark.parametrize("images", [100, 300, 800])
@pytest.mark.parametrize("rate", [0.02, 0.05, 0.1])
def test_the_promise_is_broken_no_more_often_than_promised(predictions, rate, images):
    broken, _ = broken_promises(*predictions, rate, images)
    assert broken <= 0.1 * DIVISIONS


def test_it_does_not_keep_it_by_silence(predictions):
    _, covered = broken_promises(*predictions, 0.02, 800)
    assert 1 - predictions[1].mean() > 2 * 0.02
    assert covered > 0.8


def test_a_rule_that_believes_the_sample_breaks_it(predictions):
    """The test can fail: with the observed rate in place of its bound it does."""

    class Believing(RiskTable):
        def threshold(self, rate, **_):
            shares = np.array(self.wrong) / np.maximum(self.answered, 1)
            good = [t for t, share in zip(self.thresholds, shares, strict=True) if share <= rate]
            return min(good, default=None)

    def rule(scores, correct):
        return Believing(**vars(risk_table(scores, correct)))

    assert broken_promises(*predictions, 0.02, 100, rule=rule)[0] > 0.2 * DIVISIONS


def test_simulated_images_at_the_edge():
    """The error rate is exactly the promised one: to answer any of them breaks the promise."""
    rng, answered = np.random.default_rng(0), 0
    for _ in range(1000):
        scores, correct = rng.random(200), rng.random(200) > 0.1
        answered += risk_table(scores, correct).threshold(0.0999) is not None
    assert answered <= 0.1 * 1000 + 2 * (1000 * 0.1 * 0.9) ** 0.5


def test_a_threshold_keeps_the_bound_of_clopper_and_pearson(predictions):
    scores, correct = predictions
    threshold = risk_table(scores, correct).threshold(0.02)
    answered = scores > threshold
    wrong = (~correct[answered]).sum()
    assert beta.ppf(0.9, wrong + 1, answered.sum() - wrong) <= 0.02


def test_a_table_counts_what_lies_above_its_thresholds():
    scores = np.array([0.9, 0.8, 0.8, 0.7, 0.6])
    table = risk_table(scores, [True, False, True, True, False])
    assert table == RiskTable((0.9, 0.8, 0.7, 0.6), (0, 1, 3, 4), (0, 0, 1, 1), 5)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("choices", [1, 40])
def test_so_many_images_are_needed_and_no_fewer(rate, choices):
    count = images_needed(rate, choices=choices)
    for images, possible in ((count, True), (count - 1, False)):
        table = risk_table(np.arange(images), np.full(images, True), choices=choices)
        assert (table.threshold(rate) is not None) == possible


def test_one_mistake_among_the_surest_ends_the_search():
    """Fixed order: what comes after the first failure is not looked at."""
    correct = np.full(400, True)
    scores = np.linspace(1, 0, 400)
    assert risk_table(scores, correct).threshold(0.05) == scores[-1]
    correct[:8] = False
    assert risk_table(scores, correct).threshold(0.05) is None
    assert risk_table(scores, correct).lowest_rate() > 0.05


def test_networks_that_the_images_chose_from_share_what_may_fail():
    scores, correct = np.linspace(1, 0, 300), np.arange(300) < 292
    one, many = (risk_table(scores, correct, choices=n).threshold(0.05) for n in (1, 50))
    assert many > one


def test_the_lowest_rate_can_be_promised_and_the_next_cannot():
    scores, correct = np.linspace(1, 0, 300), np.arange(300) % 50 != 30
    table = risk_table(scores, correct)
    rate = table.lowest_rate()
    assert table.threshold(rate) is not None
    assert table.threshold(rate - 0.001) is None
    assert risk_table([0.5], [True]).lowest_rate() is None


def test_equal_scores_are_answered_together_or_not_at_all():
    table = risk_table(np.ones(500), np.full(500, True))
    assert table.answered == (0,)
    assert table.threshold(0.05) is None
