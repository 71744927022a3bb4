import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import SLASD, RotationExits
from selfdistill.testing import TinyBackbone, check_reaches


def pieces(method, images):
    """Logits of the images as they are, and joint logits by stage, turn, image, class and turn."""
    step = 4 // method.turns
    turned = [np.rot90(images.numpy(), step * j, axes=(2, 3)) for j in range(method.turns)]
    features, z = method.backbone.stages(torch.from_numpy(np.concatenate(turned)))
    _, shallow = by_hand.exits(method, features)
    deepest = by_hand.numbers(features[-1]).mean((2, 3)) @ by_hand.numbers(
        method.joint_head.weight
    ).T + by_hand.numbers(method.joint_head.bias)
    shape = (method.turns, len(images), 5, method.turns)
    return by_hand.numbers(z)[: len(images)], [u.reshape(shape) for u in (*shallow, deepest)]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("turns", [2, 4])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, turns, soft):
    method = RotationExits(
        backbone, turns=turns, temperature=2.5, joint_weight=0.7, distillation_weight=0.3
    )
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), by_hand.soft(batch[1]) if soft else batch[1]
    z, joint = pieces(method, images)
    expected = dict.fromkeys(("labels", "joint_labels", "exit_distillation", "distillation"), 0.0)
    for b, y in enumerate(labels):
        aggregate = [np.mean([joint[-1][j, b, k, j] for j in range(turns)]) for k in range(5)]
        expected["labels"] += by_hand.cross_entropy(z[b], y.numpy()) / 6
        expected["distillation"] += by_hand.distillation(z[b], aggregate, 2.5) / 6
        for j in range(turns):
            for u in joint:
                log_p = np.log(by_hand.probabilities(u[j, b].ravel())).reshape(5, turns)
                loss = -(log_p[:, j] @ y.numpy() if soft else log_p[y, j])
                expected["joint_labels"] += 0.7 * loss / 6 / turns
            for u in joint[:-1]:
                taught = by_hand.distillation(u[j, b].ravel(), joint[-1][j, b].ravel(), 2.5)
                expected["exit_distillation"] += 0.3 * taught / 6 / turns
    by_hand.assert_terms(method(images, labels), expected)


def test_the_deepest_joint_head_teaches_and_is_not_taught():
    blocks = ("backbone.network.blocks.0", "backbone.network.blocks.1")
    reaches = {
        "labels": ("backbone",),
        "joint_labels": ("joint_head", "exits", "backbone.network.blocks"),
        "exit_distillation": ("exits", *blocks),
        "distillation": ("backbone",),
    }
    check_reaches(RotationExits, reaches)


def test_without_exits_it_is_sla_sd(backbone, batch):
    method = by_hand.randomised(RotationExits(backbone, temperature=2.0), training=False)
    other = SLASD(backbone, temperature=2.0).double().eval()
    other.joint_head.load_state_dict(method.joint_head.state_dict())
    terms = method(batch[0].double(), batch[1]).terms
    plain = other(batch[0].double(), batch[1]).terms
    for name in ("labels", "distillation"):
        torch.testing.assert_close(terms[name], plain[name], rtol=1e-12, atol=0)


def test_exits_show_classes_of_images_as_they_are(backbone, batch):
    method = by_hand.randomised(RotationExits(backbone), training=False)
    exits, attention = method.inspect(batch[0].double())
    z, joint = pieces(method, batch[0].double())
    assert list(exits) == ["network", "exit1", "exit2"]
    assert attention is None
    expected = [z, *(u[0, :, :, 0] for u in joint[:-1])]
    for found, wanted in zip(exits.values(), expected, strict=True):
        np.testing.assert_allclose(by_hand.numbers(found), wanted, rtol=1e-9)


def test_only_quarter_turns_need_square_images():
    backbone = TinyBackbone()
    backbone.input_size = (3, 16, 24)
    RotationExits(backbone, turns=2)(torch.randn(2, 3, 16, 24), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="16 × 24 cannot be rotated"):
        RotationExits(backbone)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("name", "value"),
    [("turns", 3), ("temperature", 0.0), ("joint_weight", -1.0), ("distillation_weight", -1.0)],
)
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        RotationExits(backbone, **{name: value})
