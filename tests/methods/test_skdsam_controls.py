from functools import partial

import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import SKDSAM
from selfdistill.testing import CHECKS, check_reaches

SHALLOW = ("backbone.network.blocks.0", "backbone.network.blocks.1")
ALWAYS = {
    "labels": ("backbone",),
    "exit_labels": ("exits", *SHALLOW),
    "distillation": ("exits", *SHALLOW),
    "hint": ("exits.0.branch", "exits.1.branch", *SHALLOW),
}
TAUGHT = {"fusion_distillation": ("backbone",)}
TRAINED = {
    "full": {"fusion": ("backbone", "exits", "attention"), **TAUGHT},
    "target": {"fusion": ("attention", *SHALLOW), **TAUGHT},
    "off": {"fusion": ("attention", *SHALLOW)},
}
RANDOM = {"full": {"fusion": ("backbone", "exits"), **TAUGHT}, "target": TAUGHT, "off": {}}
LAST_ONLY = {
    "distillation": ("exits.1", "backbone.network.blocks.0", "backbone.network.blocks.1"),
    "hint": ("exits.1.branch", "backbone.network.blocks.0", "backbone.network.blocks.1"),
}
LAST = {
    "full": {"fusion": ("backbone", "exits.1"), **TAUGHT, **LAST_ONLY},
    "target": TAUGHT | LAST_ONLY,
    "off": LAST_ONLY,
}
REACHES = {"batch_mean": TRAINED, "inverse": TRAINED, "random": RANDOM, "last": LAST}


def build(backbone, attention, fusion="full"):
    return SKDSAM(
        backbone,
        temperature=2.5,
        exit_weight=1.7,
        label_share=0.4,
        hint_weight=0.3,
        fusion=fusion,
        fusion_distillation_weight=0.8,
        attention=attention,
        attention_temperature=0.7,
        attention_dim=5,
    )


def shares_and_weights(method, features, count):
    """α and w of every image, as the control has them."""
    kind = method.attention_kind
    if kind == "last":
        return np.array([[0.0, 1.0]] * count), np.array([[0.0, 2.0]] * count)
    if kind == "random":
        if not method.training:
            return np.full((count, 2), 0.5), np.ones((count, 2))
        torch.manual_seed(7)
        draws = torch.empty(count, 2).double().exponential_().numpy()
        alpha = np.array([row / sum(row) for row in draws])
        return alpha, 2 * alpha
    alpha = by_hand.shares(method.attention, features, lambda length: 0.7 * length**0.5)
    if kind == "batch_mean":
        alpha = np.tile(alpha.mean(0), (count, 1))
        if not method.training:
            alpha[:] = by_hand.numbers(method.batch_mean.running_mean)
        return alpha, 2 * alpha
    inverse = [[1 / share for share in row] for row in alpha]
    return alpha, np.array([[2 * i / sum(row) for i in row] for row in inverse])


@pytest.mark.parametrize("attention", REACHES)
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, attention, training):
    method = by_hand.randomised(build(backbone, attention), training=training)
    if attention == "batch_mean":
        method.batch_mean.running_mean.copy_(torch.tensor([0.3, 0.7]))
    images, labels = batch[0].double(), batch[1]
    features, z_deepest = backbone.stages(images)
    deepest, z_deepest = by_hand.numbers(features[-1]), by_hand.numbers(z_deepest)
    maps, z = by_hand.exits(method, features)
    alpha, w = shares_and_weights(method, features, 6)
    if training or attention != "random":
        assert alpha[0, 1] != pytest.approx(0.5, abs=1e-3)
    np.testing.assert_allclose(w.mean(1), 1, rtol=1e-12)
    totals = np.zeros(6)
    for b, y in enumerate(labels):
        fused = (z_deepest[b] + alpha[b, 0] * z[0][b] + alpha[b, 1] * z[1][b]) / 2
        for g_l, z_l, w_l in zip(maps, z, w[b], strict=True):
            away = np.subtract(by_hand.direction(g_l[b]), by_hand.direction(deepest[b]))
            totals[1] += 1.7 * 0.4 * by_hand.cross_entropy(z_l[b], y)
            totals[2] += 1.7 * 0.6 * w_l * by_hand.distillation(z_l[b], z_deepest[b], 2.5)
            totals[3] += 1.7 * 0.3 * w_l * sum(away**2) / 2
        totals[0] += by_hand.cross_entropy(z_deepest[b], y)
        totals[4] += by_hand.cross_entropy(fused, y)
        totals[5] += 0.8 * by_hand.distillation(z_deepest[b], fused, 2.5)
    names = ("labels", "exit_labels", "distillation", "hint", "fusion", "fusion_distillation")
    torch.manual_seed(7)
    by_hand.assert_terms(method(images, labels), dict(zip(names, totals / 6, strict=True)))


@pytest.mark.parametrize("fusion", ["full", "target", "off"])
@pytest.mark.parametrize("attention", REACHES)
def test_what_each_term_trains(backbone, batch, attention, fusion):
    reaches = ALWAYS | REACHES[attention][fusion]
    check_reaches(partial(SKDSAM, fusion=fusion, attention=attention), reaches)
    assert set(SKDSAM(backbone, fusion=fusion, attention=attention)(*batch).terms) == set(reaches)


@pytest.mark.parametrize("attention", REACHES)
def test_keeps_the_contract(attention):
    control = partial(SKDSAM, attention=attention)
    for check in CHECKS:
        if (attention, check.__name__) != ("random", "order_is_irrelevant"):
            check(control)


@pytest.mark.parametrize("attention", ["uniform", "last", "random"])
def test_fixed_attention_need_no_query_or_keys(backbone, attention):
    names = [name for name, _ in SKDSAM(backbone, attention=attention).named_parameters()]
    assert {name.split(".")[0] for name in names} == {"backbone", "exits"}
