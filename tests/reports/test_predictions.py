from dataclasses import replace

import numpy as np
import pytest
import torch

from selfdistill.evaluation import score
from selfdistill.reports.predictions import entropy, read_predictions


@pytest.fixture
def known(tmp_path):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, 300)
    logits = (rng.normal(size=(300, 6)) + 1.5 * np.eye(6)[labels]).astype(np.float16)
    np.savez(tmp_path / "predictions.npz", network=logits, labels=labels)
    found = read_predictions(tmp_path / "predictions.npz")
    assert found is not None
    return found, score(torch.from_numpy(logits), torch.from_numpy(labels))


def test_the_reliability_bins_give_the_calibration_error_of_the_summary(known):
    found, scores = known
    images, confidence, accuracy = np.nan_to_num(found.reliability()).T
    assert images.sum() == 300
    assert (images * abs(confidence - accuracy)).sum() / 300 == pytest.approx(scores.ece)


def test_classes_agree_with_the_scores(known):
    found, scores = known
    by_class = found.class_accuracy()
    assert np.isnan(by_class[5])
    assert np.nanmean(by_class) == pytest.approx(scores.macro_accuracy)
    table = found.confusion()
    np.testing.assert_allclose(np.diag(table)[:5], by_class[:5])
    np.testing.assert_allclose(table[:5].sum(1), 100)


def test_risk_and_coverage_count_the_images_at_least_as_sure(known):
    found, scores = known
    shares = found.risk_coverage()
    wrong = found.labels != found.classes
    for threshold, (coverage, risk) in zip(
        sorted(set(found.confidence), reverse=True), shares, strict=True
    ):
        answered = found.confidence >= threshold
        assert coverage == pytest.approx(100 * answered.mean())
        assert risk == pytest.approx(100 * wrong[answered].mean())
    assert shares[-1] == pytest.approx((100, 100 - scores.accuracy))


def test_equally_sure_images_are_answered_together(known):
    found, scores = known
    alike = replace(found, confidence=np.full(300, 0.5))
    np.testing.assert_allclose(alike.risk_coverage(), [[100, 100 - scores.accuracy]])


def test_entropy_is_nought_for_one_stage_and_one_for_equal_shares():
    shares = np.array([[1.0, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]])
    np.testing.assert_allclose(entropy(shares), [0, 1, np.log(2) / np.log(3)], atol=1e-12)


def test_a_run_without_predictions_has_none(tmp_path):
    assert read_predictions(tmp_path / "predictions.npz") is None
