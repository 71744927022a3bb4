import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import SLASD
from selfdistill.testing import TinyBackbone, check_reaches


def rotated(images):
    turned = [np.rot90(images.numpy(), turns, axes=(2, 3)) for turns in range(4)]
    return torch.from_numpy(np.concatenate(turned))


def pieces(method, images):
    """Logits, joint logits by rotation, image, class and rotation, and their aggregate."""
    features, z = method.backbone.stages(rotated(images))
    pooled = by_hand.numbers(features[-1]).mean((2, 3))
    joint = pooled @ by_hand.numbers(method.joint_head.weight).T
    joint = (joint + by_hand.numbers(method.joint_head.bias)).reshape(4, len(images), 5, 4)
    return by_hand.numbers(z)[: len(images)], joint, np.einsum("jbkj->bk", joint) / 4


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, soft):
    method = SLASD(backbone, temperature=2.5, joint_weight=0.7)
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), by_hand.soft(batch[1]) if soft else batch[1]
    z, joint, aggregate = pieces(method, images)
    expected = {"labels": 0.0, "joint_labels": 0.0, "distillation": 0.0}
    for b, y in enumerate(labels):
        expected["labels"] += by_hand.cross_entropy(z[b], y.numpy()) / 6
        expected["distillation"] += by_hand.distillation(z[b], aggregate[b], 2.5) / 6
        for j in range(4):
            log_p = np.log(by_hand.probabilities(joint[j, b].ravel())).reshape(5, 4)
            loss = -(log_p[:, j] @ y.numpy() if soft else log_p[y, j])
            expected["joint_labels"] += 0.7 * loss / 24
    by_hand.assert_terms(method(images, labels), expected)


def test_the_joint_head_does_not_learn_from_the_network():
    reaches = {
        "labels": ("backbone",),
        "joint_labels": ("joint_head", "backbone.network.blocks"),
        "distillation": ("backbone",),
    }
    check_reaches(SLASD, reaches)


def test_inspection_shows_the_aggregate_where_it_is_wanted(backbone, batch):
    images = batch[0].double()
    assert list(SLASD(backbone).double().inspect(images).exits) == ["network"]
    method = by_hand.randomised(SLASD(backbone, aggregate=True), training=False)
    exits, attention = method.inspect(images)
    z, _, aggregate = pieces(method, images)
    assert list(exits) == ["network", "aggregate"]
    assert attention is None
    np.testing.assert_allclose(by_hand.numbers(exits["network"]), z, rtol=1e-9)
    np.testing.assert_allclose(by_hand.numbers(exits["aggregate"]), aggregate, rtol=1e-9)


def test_the_aggregate_is_single_precision_under_autocast(backbone, batch):
    with torch.autocast("cpu", torch.bfloat16):
        exits, _ = SLASD(backbone, aggregate=True).inspect(batch[0])
    assert exits["aggregate"].dtype == torch.float32


def test_needs_square_images():
    backbone = TinyBackbone()
    backbone.input_size = (3, 16, 24)
    with pytest.raises(ValueError, match="16 × 24 cannot be rotated"):
        SLASD(backbone)


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("joint_weight", -1.0)])
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        SLASD(backbone, **{name: value})
