import by_hand
import numpy as np
import pytest
import torch

from selfdistill.methods import SKDSAMReleased
from selfdistill.testing import TinyBackbone, check_reaches


def pieces(method, images):
    """Maps and their regressions, logits and shares."""
    features, z_deepest = method.backbone.stages(images)
    pooled = [by_hand.pool(by_hand.numbers(feature), (4, 4)) for feature in features[:-1]]
    regressed = [
        by_hand.numbers(regressor(torch.from_numpy(p)))
        for regressor, p in zip(method.regressors, pooled, strict=True)
    ]
    alpha = by_hand.shares(method.attention, features, lambda _: method.temperature)
    return by_hand.numbers(features[-1]), regressed, by_hand.numbers(z_deepest), alpha


@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training):
    method = SKDSAMReleased(backbone, temperature=30.0, distillation_weight=2.0, hint_weight=0.3)
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), batch[1]
    deepest, regressed, z_deepest, alpha = pieces(method, images)
    assert 0.05 < alpha.max() < 0.999
    count, (channels, height, width) = len(images), deepest.shape[1:]
    expected = {"labels": 0.0, "distillation": 0.0, "hint": 0.0}
    for b, y in enumerate(labels):
        expected["labels"] += by_hand.cross_entropy(z_deepest[b], y) / count
        for v, alpha_l in zip(regressed, alpha[b], strict=True):
            positions = [(i, j) for i in range(height) for j in range(width)]
            taught = sum(
                by_hand.distillation(v[b, :, i, j], deepest[b, :, i, j], 30.0) for i, j in positions
            )
            away = np.subtract(by_hand.direction(v[b]), by_hand.direction(deepest[b]))
            size = channels * height * width
            expected["distillation"] += 2.0 * alpha_l * taught / size / count
            expected["hint"] += 2.0 * 128 * 0.3 * alpha_l * abs(away).sum() / size / count
    by_hand.assert_terms(method(images, labels), expected)


def test_equals_the_authors_sum_over_a_batch_of_128(backbone):
    method = by_hand.randomised(SKDSAMReleased(backbone), training=True)
    images, labels = torch.randn(128, 3, 16, 16).double(), torch.randint(5, (128,))
    deepest, regressed, z_deepest, alpha = pieces(method, images)
    total = sum(map(by_hand.cross_entropy, z_deepest, labels)) / 128
    t = np.exp(deepest / 4) / np.exp(deepest / 4).sum(1, keepdims=True)
    for l, v in enumerate(regressed):  # noqa: E741
        s = np.exp(v / 4) / np.exp(v / 4).sum(1, keepdims=True)
        kd = (4**2 / 128 * t * np.log(t / s)).mean((1, 2, 3))
        for b in range(128):
            ft = np.abs(np.subtract(by_hand.direction(v[b]), by_hand.direction(deepest[b]))).mean()
            total += 3 * alpha[b, l] * (kd[b] + 0.1 * ft)
    assert method(images, labels).loss.item() == pytest.approx(total, rel=1e-9)


def test_nothing_is_detached():
    stages = ("regressors", "attention", "backbone.network.blocks")
    check_reaches(SKDSAMReleased, {"labels": ("backbone",), "distillation": stages, "hint": stages})


@pytest.mark.parametrize("term", ["distillation", "hint"])
def test_gradients_are_the_values_slopes(backbone, batch, term):
    """Nor is a part of the way detached: the deepest block learns through target and query."""
    method = by_hand.randomised(SKDSAMReleased(backbone, temperature=30.0), training=True)
    images, labels = batch[0].double(), batch[1]
    scale = backbone.network.blocks[2][1].weight
    (gradient,) = torch.autograd.grad(method(images, labels).terms[term], scale)
    along = torch.randn_like(scale)
    with torch.no_grad():
        scale += 1e-6 * along
        after = method(images, labels).terms[term]
        scale -= 2e-6 * along
        before = method(images, labels).terms[term]
    slope = (after - before).item() / 2e-6
    assert (gradient @ along).item() == pytest.approx(slope, rel=1e-5)


def test_has_as_many_parameters_as_the_authors_code():
    with torch.device("meta"):
        method = SKDSAMReleased(TinyBackbone((64, 128, 256, 512), 100))
    added = [*method.regressors.parameters(), *method.attention.parameters()]
    assert sum(parameter.numel() for parameter in added) == 30_479_360


def test_inspection_shows_the_shares(backbone, batch):
    method = by_hand.randomised(SKDSAMReleased(backbone, temperature=30.0), training=False)
    exits, attention = method.inspect(batch[0].double())
    assert list(exits) == ["network"]
    alpha = pieces(method, batch[0].double())[-1]
    np.testing.assert_allclose(by_hand.numbers(attention), alpha, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0.0), ("distillation_weight", -1.0), ("hint_weight", -1.0)]
)
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        SKDSAMReleased(backbone, **{name: value})


def test_one_stage_is_too_few():
    with pytest.raises(ValueError, match="at least 2 stages; this one has 1"):
        SKDSAMReleased(TinyBackbone((4,)))
