"""Each score against a loop over images that follows its definition word by word."""

import math

import pytest
import torch

from selfdistill.evaluation.metrics import calibration_error, score


def probabilities_of(row):
    exponentials = [math.exp(z) for z in row]
    return [e / sum(exponentials) for e in exponentials]


def naive_calibration_error(predictions, labels, bins=15):
    total = 0.0
    for m in range(bins):
        inside = [
            (p, y) for p, y in zip(predictions, labels, strict=True) if m < max(p) * bins <= m + 1
        ]
        if inside:
            accuracy = sum(p.index(max(p)) == y for p, y in inside) / len(inside)
            confidence = sum(max(p) for p, _ in inside) / len(inside)
            total += len(inside) / len(labels) * abs(accuracy - confidence)
    return 100 * total


def naive_scores(logits, labels):
    rows, labels = logits.tolist(), labels.tolist()
    predictions = [probabilities_of(row) for row in rows]
    ranks = [sorted(row, reverse=True).index(row[y]) for row, y in zip(rows, labels, strict=True)]
    n = len(rows)
    by_class = {
        k: [rank == 0 for rank, y in zip(ranks, labels, strict=True) if y == k] for k in set(labels)
    }
    return {
        "accuracy": 100 * sum(rank == 0 for rank in ranks) / n,
        "top5": 100 * sum(rank < 5 for rank in ranks) / n,
        "macro_accuracy": 100 * sum(sum(h) / len(h) for h in by_class.values()) / len(by_class),
        "nll": -sum(math.log(p[y]) for p, y in zip(predictions, labels, strict=True)) / n,
        "ece": naive_calibration_error(predictions, labels),
        "brier": sum(
            (q - (k == y)) ** 2
            for p, y in zip(predictions, labels, strict=True)
            for k, q in enumerate(p)
        )
        / n,
    }


@pytest.mark.parametrize(("classes", "scale"), [(10, 1.0), (10, 4.0), (3, 2.0), (60, 0.2)])
def test_scores_follow_their_definitions(classes, scale):
    """The last class never occurs, and the classes are of unequal size."""
    labels = (torch.rand(200) ** 2 * (classes - 1)).long()
    logits = scale * torch.randn(200, classes)
    logits[torch.arange(200), labels] += 1.0
    assert score(logits, labels)._asdict() == pytest.approx(
        naive_scores(logits, labels), rel=1e-12, abs=1e-12
    )


def test_half_types_are_scored_in_double_precision():
    logits, labels = torch.randn(50, 7).half(), torch.randint(7, (50,))
    assert score(logits, labels) == score(logits.double(), labels)


@pytest.mark.parametrize(("edge", "inside"), [(1.0, 0.95), (0.6, 0.58)])
def test_a_bin_holds_its_upper_edge(edge, inside):
    """One image is wrong and one right; apart they would count |0 - edge| + |1 - inside|."""
    predictions = torch.tensor([[edge, 1 - edge], [inside, 1 - inside]], dtype=torch.float64)
    error = calibration_error(predictions, torch.tensor([1, 0]))
    assert error == pytest.approx(100 * abs(0.5 - (edge + inside) / 2))


def test_neighbouring_bins_do_not_cancel():
    predictions = torch.full((2, 20), 0.02, dtype=torch.float64)
    predictions[0, 0], predictions[1, 0] = 0.06, 0.08
    error = calibration_error(predictions, torch.tensor([1, 0]))
    assert error == pytest.approx(100 * (0.06 + 0.92) / 2)
