import math
from collections import Counter

import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import ZipfLS
from selfdistill.testing import TinyBackbone, check_reaches


def ranks(scores):
    """Equal scores share the best of their ranks."""
    return [1 + sum(other > score for other in scores) for score in scores]


def divergence(z, scores, label):
    others = [k for k in range(5) if k != label]
    shares = [1 / rank for rank in ranks(scores)]
    zipf = [shares[k] / sum(shares[j] for j in others) for k in others]
    p = by_hand.probabilities([z[k] for k in others])
    return sum(zeta * math.log(zeta / p_k) for zeta, p_k in zip(zipf, p, strict=True))


def votes(method, features, b):
    """How many positions of all maps say each class."""
    counted = Counter()
    for head, maps in zip(method.heads, features, strict=True):
        weight, bias = by_hand.numbers(head.weight), by_hand.numbers(head.bias)
        for position in by_hand.numbers(maps)[b].reshape(maps.shape[1], -1).T:
            counted[int(np.argmax(weight @ position + bias))] += 1
    return [counted[k] for k in range(5)]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, dense, soft):
    method = ZipfLS(backbone, distillation_weight=0.6, head_weight=0.3, dense=dense)
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), by_hand.soft(batch[1]) if soft else batch[1]
    features, logits = backbone.stages(images)
    z = by_hand.numbers(logits)
    expected = {"labels": 0.0, "distillation": 0.0} | ({"head_labels": 0.0} if dense else {})
    for b, y in enumerate(labels):
        label = int(np.argmax(y.numpy())) if soft else int(y)
        scores = votes(method, features, b) if dense else list(z[b])
        expected["labels"] += by_hand.cross_entropy(z[b], y.numpy()) / 6
        expected["distillation"] += 0.6 * divergence(z[b], scores, label) / 6
        for head, maps in zip(method.heads, features, strict=False):
            mean = by_hand.numbers(maps)[b].mean((1, 2))
            said = by_hand.numbers(head.weight) @ mean + by_hand.numbers(head.bias)
            expected["head_labels"] += 0.3 * by_hand.cross_entropy(said, y.numpy()) / 6
    by_hand.assert_terms(method(images, labels), expected)


def test_votes_do_not_learn_from_what_they_rank():
    reaches = {
        "labels": ("backbone",),
        "head_labels": ("heads", "backbone.network.blocks"),
        "distillation": ("backbone",),
    }
    check_reaches(ZipfLS, reaches)


def test_the_label_gets_nothing_of_the_ranked_targets(backbone, batch):
    method = by_hand.randomised(ZipfLS(backbone), training=False)
    output = method(batch[0].double(), batch[1])
    (gradient,) = torch.autograd.grad(output.terms["distillation"], output.logits)
    assert (gradient[range(6), batch[1]] == 0).all()
    assert gradient.ne(0).any(1).all()


def test_the_last_three_stages_vote():
    method = ZipfLS(TinyBackbone((2, 4, 6, 8)))
    assert [head.in_features for head in method.heads] == [4, 6, 8]
    assert [head.in_features for head in ZipfLS(TinyBackbone((8,))).heads] == [8]


@pytest.mark.parametrize("name", ["distillation_weight", "head_weight"])
def test_ranges(backbone, name):
    with pytest.raises(ValueError, match=f"{name}=-1"):
        ZipfLS(backbone, **{name: -1.0})
