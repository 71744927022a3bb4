import by_hand
import numpy as np
import pytest

from selfdistill.methods import LOTH
from selfdistill.testing import TinyBackbone, check_reaches


def logits(method, images):
    """Of each exit, shallow to deep, and of the virtual teacher."""
    features, z_deepest = method.backbone.stages(images)
    maps, z = by_hand.exits(method, features)
    joined = np.concatenate([*maps, by_hand.numbers(features[-1])], 1)
    fused = np.maximum(by_hand.project(method.fusion[:2], joined), 0).mean((2, 3))
    head = by_hand.numbers(method.head.weight).T
    return [*z, by_hand.numbers(z_deepest)], fused @ head + by_hand.numbers(method.head.bias)


@pytest.mark.parametrize("exit", ["bottleneck", "chained"])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, exit, training):
    method = LOTH(backbone, temperature=2.5, growth=1.2, exit=exit)
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), batch[1]
    z, fused = logits(method, images)
    shares = [1.2 * 1.2 * 1.2, 1.2 * 1.2, 1.2]
    names = ("labels", "exit_labels", "distillation", "teacher_labels", "teacher_distillation")
    expected = dict.fromkeys(names, 0.0)
    for b, y in enumerate(labels):
        mean = [sum(float(z_l[b][k]) for z_l in z) / 3 for k in range(5)]
        expected["teacher_labels"] += by_hand.cross_entropy(fused[b], y) / 6
        expected["teacher_distillation"] += by_hand.distillation(fused[b], mean, 2.5) / 6
        for share, z_l, name in zip(shares, z, ("exit_labels",) * 2 + ("labels",), strict=True):
            expected[name] += (2 - share) * by_hand.cross_entropy(z_l[b], y) / 6
            expected["distillation"] += share * by_hand.distillation(z_l[b], fused[b], 2.5) / 6
    by_hand.assert_terms(method(images, labels), expected)


def test_teachers_do_not_learn_from_whom_they_teach():
    shallow = ("backbone.network.blocks.0", "backbone.network.blocks.1")
    virtual = ("fusion", "head", "exits.0.branch", "exits.1.branch", "backbone.network.blocks")
    reaches = {
        "labels": ("backbone",),
        "exit_labels": ("exits", *shallow),
        "distillation": ("exits", "backbone"),
        "teacher_labels": virtual,
        "teacher_distillation": virtual,
    }
    check_reaches(LOTH, reaches)


def test_inspection_shows_exits_and_virtual_teacher(backbone, batch):
    method = by_hand.randomised(LOTH(backbone), training=False)
    exits, attention = method.inspect(batch[0].double())
    (*shallow, deepest), fused = logits(method, batch[0].double())
    assert list(exits) == ["network", "exit1", "exit2", "fusion"]
    assert attention is None
    for found, wanted in zip(exits.values(), [deepest, *shallow, fused], strict=True):
        np.testing.assert_allclose(by_hand.numbers(found), wanted, rtol=1e-9)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0.0), ("growth", 0.0), ("growth", 1.3), ("exit", "wide")]
)
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        LOTH(backbone, **{name: value})


def test_one_stage_is_too_few():
    with pytest.raises(ValueError, match="at least 2 stages; this one has 1"):
        LOTH(TinyBackbone((4,)))
