"""Each score against a loop over images that follows its definition word by word."""

import math

import pytest
import torch
from sklearn.metrics import f1_score, precision_recall_fscore_support, recall_score

from selfdistill.evaluation.metrics import calibration_error, score, score_classes


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


def naive_f1(rows, labels, k):
    said = [row.index(max(row)) for row in rows]
    hits = sum(s == y == k for s, y in zip(said, labels, strict=True))
    misses = sum(s != k and y == k for s, y in zip(said, labels, strict=True))
    alarms = sum(s == k and y != k for s, y in zip(said, labels, strict=True))
    return 2 * hits / (2 * hits + misses + alarms)


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
        "macro_f1": 100 * sum(naive_f1(rows, labels, k) for k in set(labels)) / len(by_class),
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


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_scores_of_classes_are_those_of_scikit_learn(scale):
    """Class 0 is never predicted, class 6 has no images and is predicted, class 7 has neither."""
    labels = (torch.rand(300) ** 3 * 6).long()
    logits = scale * torch.randn(300, 8)
    logits[torch.arange(300), labels] += 1.0
    logits[:, [0, 7]] = -100.0
    said, found = logits.argmax(1), score_classes(logits, labels)
    assert 6 in said
    every = range(8)
    theirs = precision_recall_fscore_support(labels, said, labels=every, zero_division=0)
    has_images = labels.bincount(minlength=8) > 0
    for ours, other in zip((found.precision, found.recall, found.f1), theirs, strict=False):
        assert ours[has_images].tolist() == pytest.approx((100 * other)[has_images].tolist())
    assert found.images.tolist() == theirs[3].tolist()
    assert found.recall[6:].isnan().all()
    assert found.f1[6:].isnan().all()
    assert found.precision[[0, 6, 7]].tolist() == [0, 0, 0]
    scores = score(logits, labels)
    for ours, theirs in ((scores.macro_accuracy, recall_score), (scores.macro_f1, f1_score)):
        macro = theirs(labels, said, labels=labels.unique(), average="macro")
        assert ours == pytest.approx(100 * macro)


def test_scores_of_classes_by_hand():
    """Of three cats two are found; the dog is called a cat; the third class has no image."""
    said, labels = torch.tensor([0, 0, 1, 0]), torch.tensor([0, 0, 0, 1])
    found = score_classes(torch.eye(3)[said], labels)
    assert found.images.tolist() == [3, 1, 0]
    assert found.precision.tolist() == pytest.approx([200 / 3, 0, 0])
    assert found.recall[:2].tolist() == pytest.approx([200 / 3, 0])
    assert found.f1[:2].tolist() == pytest.approx([200 / 3, 0])
    assert score(torch.eye(3)[said], labels).macro_f1 == pytest.approx(100 / 3)


def test_half_types_are_scored_in_double_precision():
    logits, labels = torch.randn(50, 7).half(), torch.randint(7, (50,))
    assert score(logits, labels) == score(logits.double(), labels)


@pytest.mark.parametrize(("edge", "inside"), [(1.0, 0.95), (0.6, 0.58)])
def test_a_bin_holds_its_upper_edge(edge, inside):
    """One image is wrong and one right; apart they would count |0 - edge| + |1 - inside|."""
    predictions = torch.tensor([[edge, 1 - edge], [inside, 1 - inside]], dtype=torch.float64)
    error = calibration_error(predictions.amax(1), torch.tensor([False, True]))
    assert error == pytest.approx(100 * abs(0.5 - (edge + inside) / 2))


def test_neighbouring_bins_do_not_cancel():
    predictions = torch.full((2, 20), 0.02, dtype=torch.float64)
    predictions[0, 0], predictions[1, 0] = 0.06, 0.08
    error = calibration_error(predictions.amax(1), torch.tensor([False, True]))
    assert error == pytest.approx(100 * (0.06 + 0.92) / 2)


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_constant_logits_say_the_first_class_in_all_scores(classes):
    labels = torch.arange(4 * classes) % classes
    found = score(torch.full((len(labels), classes), 1.5), labels)
    assert found.accuracy == pytest.approx(100 / classes)
    assert found.macro_accuracy == pytest.approx(100 / classes)
    assert found.top5 == pytest.approx(100 * min(1, 5 / classes))
    assert found.ece == pytest.approx(0, abs=1e-9)
    assert found.nll == pytest.approx(math.log(classes))


@pytest.mark.parametrize("label", range(7))
def test_a_single_image_of_equal_logits_is_right_where_its_label_is_the_first(label):
    found = score(torch.zeros(1, 7), torch.tensor([label]))
    right = label == 0
    assert found.accuracy == found.macro_accuracy == 100 * right
    assert found.top5 == 100 * (label < 5)
    assert found.ece == pytest.approx(100 * abs(right - 1 / 7))


def test_tied_logits_are_ranked_by_position_in_all_scores():
    logits = torch.randint(-1, 2, (500, 8)).float()
    labels = torch.randint(8, (500,))
    order = [sorted(range(8), key=lambda k: (-row[k], k)) for row in logits.tolist()]
    ranks = [o.index(y) for o, y in zip(order, labels.tolist(), strict=True)]
    found = score(logits, labels)
    assert found.accuracy == pytest.approx(100 * sum(r == 0 for r in ranks) / 500)
    assert found.top5 == pytest.approx(100 * sum(r < 5 for r in ranks) / 500)
    by_class = [
        [r == 0 for r, y in zip(ranks, labels.tolist(), strict=True) if y == k] for k in range(8)
    ]
    macro = 100 * sum(sum(hits) / len(hits) for hits in by_class) / 8
    assert found.macro_accuracy == pytest.approx(macro)
    predictions = [probabilities_of(row) for row in logits.tolist()]
    assert found.ece == pytest.approx(naive_calibration_error(predictions, labels.tolist()))


def test_logits_that_differ_less_than_probabilities_can_have_one_best_class():
    """Softmax makes these equal, and the first probable class would be another."""
    logits = torch.tensor([[0.0, 1e-30]], dtype=torch.float64)
    assert score(logits, torch.tensor([1])).accuracy == 100
    assert score(logits, torch.tensor([1])).ece == pytest.approx(50)


@pytest.mark.parametrize("label", [0, 1])
def test_what_is_not_a_number_is_never_right(label):
    logits = torch.tensor([[float("nan"), float("nan")], [float("nan"), 1.0]])
    found = score(logits, torch.tensor([label, label]))
    assert found.accuracy == found.macro_accuracy == found.macro_f1 == 0
    assert found.top5 == 50 * label
