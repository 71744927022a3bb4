from functools import partial

import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import BYOT, SKDSAM
from selfdistill.testing import TinyBackbone, check_reaches, reached

SHALLOW = ("backbone.network.blocks.0", "backbone.network.blocks.1")
BRANCHES = ("exits.0.branch", "exits.1.branch")
EVERYWHERE = {
    "labels": ("backbone",),
    "exit_labels": ("exits", *SHALLOW),
    "distillation": ("exits", *SHALLOW),
    "hint": (*BRANCHES, *SHALLOW),
}
TAUGHT = {"fusion_distillation": ("backbone",)}
FORMS = {
    ("full", "learned", False): {"fusion": ("backbone", "exits", "attention"), **TAUGHT},
    ("full", "learned", True): {"fusion": ("backbone", "exits", "attention"), **TAUGHT},
    ("full", "uniform", False): {"fusion": ("backbone", "exits"), **TAUGHT},
    ("target", "learned", False): {"fusion": ("attention", *SHALLOW), **TAUGHT},
    ("target", "learned", True): {"fusion": ("attention",), **TAUGHT},
    ("target", "uniform", False): TAUGHT,
    ("off", "learned", False): {"fusion": ("attention", *SHALLOW)},
    ("off", "learned", True): {"fusion": ("attention",)},
    ("off", "uniform", False): {},
}


def expected_terms(method, images, labels, *, size=(4, 4)):
    features, z_deepest = method.backbone.stages(images)
    deepest, z_deepest = by_hand.numbers(features[-1]), by_hand.numbers(z_deepest)
    maps, z = by_hand.exits(method, features)
    alpha = np.full((len(images), 2), 0.5)
    if method.attention_kind != "uniform":
        divisor = lambda length: 0.7 * length**0.5  # noqa: E731
        alpha = by_hand.shares(method.attention, features, divisor, size=size)
        assert np.ptp(alpha[:, 0]) > 1e-3
    totals = np.zeros(6)
    for b, y in enumerate(labels):
        totals[0] += by_hand.cross_entropy(z_deepest[b], y)
        fused = z_deepest[b] / 2
        for l in range(2):  # noqa: E741
            w = 2 * alpha[b, l]
            away = np.subtract(by_hand.direction(maps[l][b]), by_hand.direction(deepest[b]))
            totals[1] += 1.7 * 0.4 * by_hand.cross_entropy(z[l][b], y)
            totals[2] += 1.7 * 0.6 * w * by_hand.distillation(z[l][b], z_deepest[b], 2.5)
            totals[3] += 1.7 * 0.3 * w * sum(away**2) / 2
            fused = fused + alpha[b, l] * z[l][b] / 2
        totals[4] += by_hand.cross_entropy(fused, y)
        totals[5] += 0.8 * by_hand.distillation(z_deepest[b], fused, 2.5)
    names = ("labels", "exit_labels", "distillation", "hint", "fusion", "fusion_distillation")
    return dict(zip(names, totals / len(images), strict=True))


def build(backbone, **options):
    return SKDSAM(
        backbone,
        temperature=2.5,
        exit_weight=1.7,
        label_share=0.4,
        hint_weight=0.3,
        fusion_distillation_weight=0.8,
        attention_temperature=0.7,
        attention_dim=5,
        **options,
    )


@pytest.mark.parametrize(("fusion", "attention", "detach_keys"), FORMS)
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, fusion, attention, detach_keys, training):
    method = build(backbone, fusion=fusion, attention=attention, detach_keys=detach_keys)
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), batch[1]
    expected = expected_terms(method, images, labels)
    kept = EVERYWHERE | FORMS[fusion, attention, detach_keys]
    by_hand.assert_terms(method(images, labels), {name: expected[name] for name in kept})


@pytest.mark.parametrize("exit", ["bottleneck", "chained"])
def test_equation_with_pooled_attention_and_soft_labels(backbone, batch, exit):
    method = by_hand.randomised(build(backbone, pooled_attention=True, exit=exit), training=True)
    images, labels = batch[0].double(), torch.randn(6, 5).double().softmax(1)
    expected = expected_terms(method, images, labels.numpy(), size=(1, 1))
    by_hand.assert_terms(method(images, labels), expected)


@pytest.mark.parametrize(("fusion", "attention", "detach_keys"), FORMS)
def test_what_each_term_trains(fusion, attention, detach_keys):
    form = partial(SKDSAM, fusion=fusion, attention=attention, detach_keys=detach_keys)
    check_reaches(form, EVERYWHERE | FORMS[fusion, attention, detach_keys])


@pytest.mark.parametrize("fusion", ["full", "target", "off"])
def test_at_first_shares_are_equal_and_only_the_querys_normalisation_learns(
    backbone, batch, fusion
):
    method = SKDSAM(backbone, fusion=fusion).double()
    images, labels = batch[0].double(), batch[1]
    assert torch.equal(method.inspect(images).attention, torch.full((6, 2), 0.5).double())
    found = reached(method(images, labels).loss, method.attention)
    assert found == {"query.1.weight", "query.1.bias"}


def test_untrained_shares_are_not_equal_without_zero_start(backbone, batch):
    shares = SKDSAM(backbone, zero_start=False).inspect(batch[0]).attention
    assert shares.std(0).min() > 1e-3


def test_equals_byot_with_uniform_attention_and_no_fusion(batch):
    images, labels = batch[0].double(), batch[1]
    byot = by_hand.randomised(BYOT(TinyBackbone(), hint_weight=0.0), training=True)
    skdsam = SKDSAM(
        TinyBackbone(), label_share=0.7, hint_weight=0.0, fusion="off", attention="uniform"
    )
    skdsam.double().load_state_dict(byot.state_dict())
    losses = [method(images, labels).loss for method in (byot, skdsam)]
    for loss in losses:
        loss.backward()
    close = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-9)
    close(losses[1], losses[0])
    gradients = {name: parameter.grad for name, parameter in byot.named_parameters()}
    close({name: parameter.grad for name, parameter in skdsam.named_parameters()}, gradients)
    assert len(gradients) > 30


def test_inspection_shows_exits_fusion_and_shares(backbone, batch):
    images = batch[0].double()
    method = by_hand.randomised(SKDSAM(backbone), training=False)
    exits, attention = method.inspect(images)
    assert list(exits) == ["network", "exit1", "exit2", "fusion"]
    features, z_deepest = backbone.stages(images)
    _, z = by_hand.exits(method, features)
    alpha = by_hand.shares(method.attention, features, np.sqrt)
    np.testing.assert_allclose(by_hand.numbers(attention), alpha, rtol=1e-9)
    for b in range(6):
        fused = (by_hand.numbers(z_deepest)[b] + alpha[b] @ [z[0][b], z[1][b]]) / 2
        np.testing.assert_allclose(by_hand.numbers(exits["fusion"])[b], fused, rtol=1e-9)
        np.testing.assert_allclose(by_hand.numbers(exits["exit2"])[b], z[1][b], rtol=1e-9)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0),
        ("attention_temperature", -1.0),
        ("label_share", 1.5),
        ("exit_weight", -0.5),
        ("hint_weight", -1.0),
        ("fusion_distillation_weight", -1.0),
        ("fusion", "half"),
        ("attention", "lerned"),
        ("attention_dim", 0),
        ("exit", "wide"),
    ],
)
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        SKDSAM(backbone, **{name: value})


def test_two_stages_are_too_few():
    with pytest.raises(ValueError, match="at least 3 stages; this one has 2"):
        SKDSAM(TinyBackbone((4, 6)))
