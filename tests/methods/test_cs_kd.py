import copy

import by_hand
import pytest
import torch

from selfdistill.methods import CSKD
from selfdistill.testing import check_reaches


def pairs(batch):
    other = torch.randn(batch[0].shape).double()
    return torch.stack((batch[0].double(), other)), batch[1]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, soft):
    method = CSKD(backbone, temperature=2.5, distillation_weight=0.7)
    by_hand.randomised(method, training=training)
    images, labels = pairs(batch)
    labels = by_hand.soft(labels) if soft else labels
    z, other = (by_hand.numbers(backbone(view)) for view in images)
    expected = {"labels": 0.0, "distillation": 0.0}
    for b, y in enumerate(labels):
        expected["labels"] += by_hand.cross_entropy(z[b], y) / 6
        expected["distillation"] += 0.7 * by_hand.distillation(z[b], other[b], 2.5) / 6
    by_hand.assert_terms(method(images, labels), expected)


def test_both_terms_train_the_network_through_the_first_image_alone(backbone, batch):
    check_reaches(CSKD, {"labels": ("backbone",), "distillation": ("backbone",)})
    images, labels = pairs(batch)
    images.requires_grad_()
    CSKD(backbone).double()(images, labels).loss.backward()
    assert images.grad[0].abs().amin((1, 2, 3)).max() > 0
    assert not images.grad[1].any()


def test_the_other_image_moves_the_batch_statistics(backbone, batch):
    images, labels = pairs(batch)
    plain = copy.deepcopy(backbone).double().train()
    CSKD(backbone).double().train()(images, labels)
    for view in images:
        plain(view)
    for found, expected in zip(backbone.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("distillation_weight", -1.0)])
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        CSKD(backbone, **{name: value})
