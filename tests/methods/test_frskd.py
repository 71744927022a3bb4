from functools import partial

import by_hand
import numpy as np
import pytest

from selfdistill.methods import FRSKD
from selfdistill.testing import TinyBackbone, check_reaches


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("detach_backbone", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, detach_backbone, soft):
    method = FRSKD(
        backbone,
        temperature=2.5,
        distillation_weight=0.7,
        hint_weight=30.0,
        detach_backbone=detach_backbone,
    )
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), by_hand.soft(batch[1]) if soft else batch[1]
    features, z = backbone.stages(images)
    refined, z_teacher = method.self_teacher(features)
    z, z_teacher = by_hand.numbers(z), by_hand.numbers(z_teacher)
    maps = [
        (by_hand.numbers(f), by_hand.numbers(t)) for f, t in zip(features, refined, strict=True)
    ]
    names = ("labels", "teacher_labels", "distillation", "hint")
    expected = dict.fromkeys(names, 0.0)
    for b, y in enumerate(labels):
        taught = by_hand.distillation(z[b], z_teacher[b], 2.5)
        expected["labels"] += by_hand.cross_entropy(z[b], y) / 6
        expected["teacher_labels"] += by_hand.cross_entropy(z_teacher[b], y) / 6
        expected["distillation"] += 0.7 * taught / 6
        for f, t in maps:
            active, wanted = (by_hand.direction((m[b] ** 2).mean(0)) for m in (f, t))
            apart = np.subtract(active, wanted)
            expected["hint"] += 30.0 * apart @ apart / len(apart) / 6
    by_hand.assert_terms(method(images, labels), expected)


@pytest.mark.parametrize("detach_backbone", [True, False])
def test_the_self_teacher_does_not_learn_from_what_it_teaches(detach_backbone):
    stages = ("backbone.network.blocks",)
    reaches = {
        "labels": ("backbone",),
        "teacher_labels": ("self_teacher", *(() if detach_backbone else stages)),
        "distillation": ("backbone",),
        "hint": stages,
    }
    detached = partial(FRSKD, detach_backbone=True)
    check_reaches(detached if detach_backbone else FRSKD, reaches)


def test_inspection_shows_the_self_teacher(backbone, batch):
    method = by_hand.randomised(FRSKD(backbone), training=False)
    features, z = backbone.stages(batch[0].double())
    exits, attention = method.inspect(batch[0].double())
    assert list(exits) == ["network", "self_teacher"]
    assert attention is None
    expected = (z, method.self_teacher(features).logits)
    for found, wanted in zip(exits.values(), expected, strict=True):
        np.testing.assert_allclose(by_hand.numbers(found), by_hand.numbers(wanted), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0.0), ("distillation_weight", -1.0), ("hint_weight", -1.0)]
)
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        FRSKD(backbone, **{name: value})


def test_one_stage_is_too_few():
    with pytest.raises(ValueError, match="at least 2 stages; this one has 1"):
        FRSKD(TinyBackbone((4,)))
