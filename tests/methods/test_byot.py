import by_hand
import numpy as np
import pytest

from selfdistill.methods import BYOT
from selfdistill.testing import TinyBackbone, check_reaches


@pytest.mark.parametrize("exit", ["bottleneck", "chained"])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, exit, training):
    method = BYOT(backbone, temperature=2.5, label_share=0.6, hint_weight=0.7, exit=exit)
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), batch[1]
    features, z_deepest = backbone.stages(images)
    deepest, z_deepest = by_hand.numbers(features[-1]), by_hand.numbers(z_deepest)
    maps, z = by_hand.exits(method, features)
    size, count = deepest[0].size, len(images)
    expected = {"labels": 0.0, "exit_labels": 0.0, "distillation": 0.0, "hint": 0.0}
    for b, y in enumerate(labels):
        expected["labels"] += by_hand.cross_entropy(z_deepest[b], y) / count
        for g_l, z_l in zip(maps, z, strict=True):
            taught = by_hand.distillation(z_l[b], z_deepest[b], 2.5)
            expected["exit_labels"] += 0.6 * by_hand.cross_entropy(z_l[b], y) / count
            expected["distillation"] += (1 - 0.6) * taught / count
            expected["hint"] += 0.7 * np.power(g_l[b] - deepest[b], 2).sum() / size / count
    by_hand.assert_terms(method(images, labels), expected)


def test_the_deepest_exit_does_not_learn_from_the_shallow_ones():
    shallow = ("backbone.network.blocks.0", "backbone.network.blocks.1")
    reaches = {
        "labels": ("backbone",),
        "exit_labels": ("exits", *shallow),
        "distillation": ("exits", *shallow),
        "hint": ("exits.0.branch", "exits.1.branch", *shallow),
    }
    check_reaches(BYOT, reaches)


def test_inspection_shows_each_exit_from_shallow_to_deep(backbone, batch):
    method = by_hand.randomised(BYOT(backbone), training=False)
    features, z_deepest = backbone.stages(batch[0].double())
    exits, attention = method.inspect(batch[0].double())
    assert list(exits) == ["network", "exit1", "exit2"]
    assert attention is None
    expected = [by_hand.numbers(z_deepest), *by_hand.exits(method, features)[1]]
    for found, wanted in zip(exits.values(), expected, strict=True):
        np.testing.assert_allclose(by_hand.numbers(found), wanted, rtol=1e-9)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0),
        ("label_share", 1.2),
        ("label_share", -0.1),
        ("hint_weight", -1.0),
        ("exit", "wide"),
    ],
)
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        BYOT(backbone, **{name: value})


def test_one_stage_is_too_few():
    with pytest.raises(ValueError, match="at least 2 stages; this one has 1"):
        BYOT(TinyBackbone((4,)))
