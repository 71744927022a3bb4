import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import DDGSD
from selfdistill.testing import check_reaches

OPTIONS = {"temperature": 2.5, "distillation_weight": 0.7, "hint_weight": 0.9}


def views(batch):
    other = torch.randn(batch[0].shape).double()
    return torch.stack((batch[0].double(), other)), batch[1]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, soft):
    method = by_hand.randomised(DDGSD(backbone, **OPTIONS), training=training)
    images, labels = views(batch)
    labels = by_hand.soft(labels) if soft else labels
    features, logits = backbone.stages(torch.cat((images[0], images[1])))
    z, f = by_hand.numbers(logits), by_hand.numbers(features[-1])
    expected = {"labels": 0.0, "distillation": 0.0}
    for a, y in enumerate(labels):
        b = a + 6
        labelled = by_hand.cross_entropy(z[a], y) + by_hand.cross_entropy(z[b], y)
        taught = by_hand.distillation(z[b], z[a], 2.5) + by_hand.distillation(z[a], z[b], 2.5)
        expected["labels"] += labelled / 6
        expected["distillation"] += 0.7 * taught / 6
    apart = [f[:6, c].mean() - f[6:, c].mean() for c in range(f.shape[1])]
    expected["hint"] = 0.9 * sum(distance**2 for distance in apart)
    output = method(images, labels)
    by_hand.assert_terms(output, expected)
    np.testing.assert_allclose(by_hand.numbers(output.logits), z[:6], rtol=1e-9)


def test_what_each_term_trains():
    network, stages = ("backbone",), ("backbone.network.blocks",)
    check_reaches(DDGSD, {"labels": network, "distillation": network, "hint": stages})


def test_a_view_does_not_learn_from_what_it_teaches(backbone, batch):
    method = by_hand.randomised(DDGSD(backbone, **OPTIONS), training=False)
    images, labels = views(batch)
    method(images, labels).terms["distillation"].backward()
    features, logits = backbone.stages(images.flatten(0, 1))
    f = by_hand.numbers(features[-1]).mean((2, 3))
    p = np.array([by_hand.probabilities(z, 2.5) for z in by_hand.numbers(logits)])
    towards = p - np.roll(p, 6, axis=0)  # T² times the gradient of KL(t‖s) by s, (s − t) / T
    expected = 0.7 * 2.5 / 6 * towards.T @ f
    found = by_hand.numbers(backbone.network.head.weight.grad)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_both_views_are_drawn_towards_each_other(backbone, batch):
    method = by_hand.randomised(DDGSD(backbone, **OPTIONS), training=False)
    images, labels = views(batch)
    images.requires_grad_()
    for term in method(images, labels).terms.values():
        (gradient,) = torch.autograd.grad(term, images, retain_graph=True)
        assert all(view.abs().amax() > 0 for view in gradient)


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0.0), ("distillation_weight", -1.0), ("hint_weight", -1.0)]
)
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        DDGSD(backbone, **{name: value})
