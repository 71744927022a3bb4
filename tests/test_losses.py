import math

import pytest
import torch

from selfdistill.losses import (
    at_least_single,
    cross_entropy,
    distillation,
    mean_squared_difference,
    normalised_distance,
)

HALVES = [torch.float16, torch.bfloat16]


def test_cross_entropy_by_hand():
    logits = torch.tensor([[math.log(2), 0.0, math.log(5)], [0.0, 0.0, 0.0]]).double()
    expected = torch.tensor([-math.log(5 / 8), math.log(3)]).double()
    torch.testing.assert_close(cross_entropy(logits, torch.tensor([2, 0])), expected)
    soft = torch.tensor([[0.25, 0.0, 0.75], [1.0, 0.0, 0.0]]).double()
    mixed = -0.25 * math.log(2 / 8) - 0.75 * math.log(5 / 8)
    assert cross_entropy(logits, soft)[0].item() == pytest.approx(mixed)
    smooth = -0.7 * math.log(5 / 8) - 0.1 * sum(math.log(p / 8) for p in (2, 1, 5))
    found = cross_entropy(logits, torch.tensor([2, 0]), label_smoothing=0.3)
    assert found[0].item() == pytest.approx(smooth)


def test_distillation_by_hand():
    """At T = 2 a difference of log 9 in the logits is odds of 3 to 1; target first."""
    teacher = torch.tensor([[math.log(9), 0.0]]).double()
    student = torch.tensor([[0.0, 0.0]]).double()
    forward = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    backward = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert distillation(student, teacher, 2.0).tolist() == pytest.approx([4 * forward])
    assert distillation(teacher, student, 2.0).tolist() == pytest.approx([4 * backward])


def test_distillations_gradient_keeps_its_scale_at_high_temperature():
    """Hinton et al. 2015, equation 4: it tends to (s - t) / K for centred logits."""
    student, teacher = torch.randn(2, 3, 10, dtype=torch.float64)
    student, teacher = (z - z.mean(1, keepdim=True) for z in (student, teacher))
    (gradient,) = torch.autograd.grad(
        distillation(student.requires_grad_(), teacher, 1e4).sum(), student
    )
    torch.testing.assert_close(gradient, (student - teacher) / 10, rtol=1e-3, atol=1e-5)


def test_distances_between_maps_by_hand():
    a = torch.tensor([3.0, 0.0, 0.0, 4.0]).double().view(1, 1, 2, 2)
    b = torch.tensor([0.0, 0.0, 2.0, 2.0]).double().view(1, 1, 2, 2)
    apart = (0.6**2 + 0.5 + (0.8 - 0.5**0.5) ** 2) / 2
    assert normalised_distance(a, b).item() == pytest.approx(apart)
    assert normalised_distance(a, 7 * a).item() == pytest.approx(0, abs=1e-12)
    assert mean_squared_difference(a, b).item() == pytest.approx((9 + 4 + 4) / 4)


def test_a_dead_map_gives_finite_values():
    dead = torch.zeros(1, 2, 2, 2, requires_grad=True)
    distance = normalised_distance(dead, torch.ones(1, 2, 2, 2)).sum()
    distance.backward()
    assert distance.isfinite()
    assert dead.grad.isfinite().all()


@pytest.mark.parametrize("half", HALVES)
def test_half_types_are_raised_and_others_kept(half):
    assert at_least_single(torch.ones(2, dtype=half)).dtype == torch.float32
    for kept in (torch.float32, torch.float64):
        assert at_least_single(torch.ones(2, dtype=kept)).dtype == kept


@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize("half", HALVES)
def test_half_logits_and_maps_give_the_single_precision_losses(half, autocast):
    student = torch.randn(64, 100).to(half)
    teacher = (student + 0.05 * torch.randn(64, 100)).to(half)
    s, t = student.view(64, 4, 5, 5), teacher.view(64, 4, 5, 5)
    labels = torch.arange(64)
    with torch.autocast("cpu", half, enabled=autocast):
        found = [
            distillation(student, teacher, 4.0),
            cross_entropy(student, labels),
            normalised_distance(s, t),
            mean_squared_difference(s, t),
        ]
    expected = [
        distillation(student.float(), teacher.float(), 4.0),
        cross_entropy(student.float(), labels),
        normalised_distance(s.float(), t.float()),
        mean_squared_difference(s.float(), t.float()),
    ]
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0)
    assert (found[0] >= 0).all()


@pytest.mark.parametrize("half", HALVES)
def test_identical_logits_have_no_divergence_under_autocast(half):
    logits = (10 * torch.randn(64, 100)).to(half)
    with torch.autocast("cpu", half):
        divergence = distillation(logits, logits, 4.0)
    assert (divergence >= 0).all()
    assert divergence.max() < 1e-6
