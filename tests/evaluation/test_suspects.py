"""Doubtful labels, against confident learning spelled out image by image."""

import pytest
import torch

from selfdistill.evaluation import suspect_labels


def by_hand(logits, labels):
    shares = [[float(p) for p in row] for row in logits.double().softmax(1)]
    kinds = range(logits.shape[1])
    thresholds = {}
    for j in kinds:
        own = [p[j] for p, y in zip(shares, labels.tolist(), strict=True) if y == j]
        if own:
            thresholds[j] = sum(own) / len(own)
    margins = {}
    for i, (p, y) in enumerate(zip(shares, labels.tolist(), strict=True)):
        sure = [j for j in thresholds if p[j] >= thresholds[j]]
        if sure and max(sure, key=lambda j: p[j]) != y and max(kinds, key=lambda j: p[j]) != y:
            margins[i] = p[y] - max(p[j] for j in kinds if j != y)
    return sorted(margins, key=margins.get)


@pytest.mark.parametrize("seed", range(4))
def test_the_definition(seed):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(4, (120,), generator=generator)  # of five classes, one without images
    logits = torch.randn(120, 5, generator=generator)
    logits[torch.arange(120), truth] += 3
    labels = truth.clone()
    labels[:12] = (labels[:12] + 1) % 4
    found = suspect_labels(logits, labels)
    assert found.tolist() == by_hand(logits, labels)
    assert len(set(found.tolist()) & set(range(12))) > 6  # of those that are wrong
    assert len(found) < 40


def test_right_and_unsure_answers_make_no_label_doubtful():
    logits = torch.tensor([[4.0, 0.0], [3.0, 0.0], [0.0, 4.0], [0.1, 0.0]])
    assert suspect_labels(logits, torch.tensor([0, 0, 1, 1])).tolist() == []
    logits[3, 0] = 9.0  # surer than of the images that are of the class
    assert suspect_labels(logits, torch.tensor([0, 0, 1, 1])).tolist() == [3]


def test_an_answer_that_agrees_with_the_label_does_not_doubt_it():
    """Even where it is less sure than usual, and surer of another class than that class asks."""
    shares = torch.tensor(
        [[0.95, 0.04, 0.01], [0.95, 0.04, 0.01], [0.6, 0.35, 0.05], [0.2, 0.3, 0.5]]
    )
    assert suspect_labels(shares.log(), torch.tensor([0, 0, 0, 1])).tolist() == []
