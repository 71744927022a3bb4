"""Thresholds of exits keep what they promise: over divisions of what exits said of real images."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from selfdistill.evaluation import (
    NEVER,
    ExitAnswers,
    early_score,
    exits_taken,
    fit_risk,
    risk_table,
    trade_off,
)

DIVISIONS = 200
DIGITS = Path(__file__).parents[1] / "fixtures" / "digits_exits.npz"
"""Of 1,600 digits, by the exits of ``selfdistill train --config digits --method BYOT
--data.train-per-class 10 --data.test-per-class 160 --epochs 60``."""
EXITS = ("exit1", "exit2", "network")
MACS = (40, 70, 100)


@pytest.fixture(scope="module")
def answers():
    with np.load(DIGITS) as stored:
        logits = np.stack([stored[name].astype(np.float64) for name in EXITS])
        labels = stored["labels"]
    shifted = np.exp(logits - logits.max(2, keepdims=True))
    return ExitAnswers((1 / shifted.sum(2))[:-1], logits.argmax(2) == labels)


def part(answers, images):
    return ExitAnswers(answers.confidence[:, images], answers.correct[:, images])


def broken_promises(answers, rate, images, *, fit=fit_risk):
    """Divisions after which too many of an exit's answers would be wrong, and the mean coverage.

    The promise is about all pictures that the held-out ones are drawn from: here, all digits.
    """
    broken, covered = 0, []
    for division in range(DIVISIONS):
        order = np.random.default_rng(division).permutation(answers.confidence.shape[1])
        score = early_score(answers, fit(part(answers, order[:images]), rate))
        pairs = list(zip(score.wrong, score.answered, strict=True))[:-1]
        broken += any(answered and wrong / answered > rate for wrong, answered in pairs)
        covered.append(sum(score.answered[:-1]) / score.reached[0])
    return broken, np.mean(covered)


def uncorrected(answers, rate):
    """The lowest thresholds at which the share that is seen is small enough."""
    thresholds, reach = [], np.ones(answers.confidence.shape[1], bool)
    for scores, correct in zip(answers.confidence, answers.correct[:-1], strict=True):
        table = risk_table(scores[reach], correct[reach])
        shares = np.array(table.wrong) / np.maximum(table.answered, 1)
        good = [t for t, share in zip(table.thresholds, shares, strict=True) if share <= rate]
        thresholds.append(min(good, default=NEVER))
        reach &= scores <= thresholds[-1]
    return thresholds


def on_all_images(answers, rate):
    """Each exit's threshold as if it were the first, and with the correction."""
    return [fit_risk(answers.select([k]), rate)[0] for k in range(len(answers.confidence))]


@pytest.mark.parametrize("images", [200, 800])
@pytest.mark.parametrize("rate", [0.05, 0.1])
def test_the_promise_is_broken_no_more_often_than_promised(answers, rate, images):
    broken, _ = broken_promises(answers, rate, images)
    assert broken <= 0.1 * DIVISIONS

    assert 1 - answers.correct[0].mean() > 0.05
    assert broken_promises(answers, 0.05, 800)[1] > 0.5


@pytest.mark.parametrize("fit", [uncorrected, on_all_images])
def test_rules_that_leave_something_out_break_it(answers, fit):
    """The test can fail: without the correction, or on images that never reach the exit."""
    assert broken_promises(answers, 0.05, 800, fit=fit)[0] > 0.2 * DIVISIONS


def test_later_thresholds_pay_for_the_choices_before_them():
    """On images that no exit before has answered, a second exit needs more of them."""
    images = 300
    scores, correct = np.linspace(0.1, 0.9, images), np.full(images, True)
    first = fit_risk(ExitAnswers(scores[None], np.stack([correct, correct])), 0.05)
    wrong_first = ExitAnswers(np.stack([scores, scores]), np.stack([~correct, correct, correct]))
    assert first[0] == scores[0]
    assert fit_risk(wrong_first, 0.05) == (NEVER, scores[0])
    needed = int(np.ceil(np.log(0.1 / 2 / 21) / np.log(0.95))) + 1
    for count, possible in ((needed, True), (needed - 1, False)):
        several = part(wrong_first, slice(0, count))
        assert (fit_risk(several, 0.05)[1] < NEVER) == possible


def test_images_are_counted_where_they_leave():
    answers = ExitAnswers(
        np.array([[0.9, 0.5, 0.5, 0.2], [0.1, 0.9, 0.5, 0.5]]),
        np.array([[1, 0, 0, 0], [0, 0, 1, 1], [1, 1, 0, 1]], bool),
    )
    score = early_score(answers, (0.5, 0.5))
    assert exits_taken(answers.confidence, (0.5, 0.5)).tolist() == [0, 1, 2, 2]
    assert score[1:] == ((4, 3, 2), (1, 1, 2), (0, 1, 1))
    assert (score.accuracy, score.risk) == (50, 0.5)
    assert score.mean_macs(MACS) == (40 + 70 + 2 * 100) / 4


def test_the_way_from_none_to_all_saves_at_every_step(answers):
    path = trade_off(answers, MACS)
    costs = [score.mean_macs(MACS) for score in path]
    assert (costs[0], costs[-1]) == (100, 40)
    assert all(after < before for before, after in itertools.pairwise(costs))
    assert path[0].accuracy == 100 * answers.correct[-1].mean()
    assert path[-1].accuracy == 100 * answers.correct[0].mean()


def test_the_way_is_better_than_one_threshold_for_all(answers):
    path = trade_off(answers, MACS)
    for threshold in (0.6, 0.8, 0.9):
        same = early_score(answers, (threshold, threshold))
        cost = same.mean_macs(MACS)
        assert max(s.accuracy for s in path if s.mean_macs(MACS) <= cost) >= same.accuracy


def test_equal_confidences_leave_together():
    answers = ExitAnswers(np.full((1, 50), 0.5), np.full((2, 50), True))
    assert [score.answered for score in trade_off(answers, (1, 2))] == [(0, 50), (50, 0)]
