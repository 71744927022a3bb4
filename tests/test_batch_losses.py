import math

import pytest
import torch

from selfdistill.losses import attention_transfer, batch_mean, mean_discrepancy

HALVES = [torch.float16, torch.bfloat16]


def active(maps):
    """Where one image's map is active, position by position, as a vector of length one."""
    channels, height, width = maps.shape
    energy = [
        sum(maps[c, i, j].item() ** 2 for c in range(channels)) / channels
        for i in range(height)
        for j in range(width)
    ]
    length = math.sqrt(sum(value * value for value in energy))
    return [value / length for value in energy]


def test_attention_transfer_by_hand():
    student, teacher = torch.randn(3, 4, 5, 2).double(), torch.randn(3, 7, 5, 2).double()
    expected = [
        sum((s - t) ** 2 for s, t in zip(active(a), active(b), strict=True)) / 10
        for a, b in zip(student, teacher, strict=True)
    ]
    found = attention_transfer(student, teacher)
    assert found.tolist() == pytest.approx(expected, rel=1e-9)


def test_attention_transfer_sees_neither_scale_nor_sign_nor_order_of_channels():
    maps = torch.randn(3, 4, 5, 2).double()
    other = -7 * maps.flip(1)
    torch.testing.assert_close(attention_transfer(maps, other), torch.zeros(3).double())
    assert attention_transfer(maps, maps.flip(2)).min() > 1e-3


def test_a_dead_map_transfers_finite_values():
    dead = torch.zeros(1, 2, 3, 3, requires_grad=True)
    distance = attention_transfer(dead, torch.ones(1, 2, 3, 3)).sum()
    distance.backward()
    assert distance.item() == pytest.approx(1 / 9)
    assert dead.grad.isfinite().all()


def test_mean_discrepancy_by_hand():
    a = torch.tensor([[1.0, 0.0, 2.0], [3.0, 4.0, 0.0]]).double()
    b = torch.tensor([[0.0, 1.0, 1.0], [0.0, 3.0, 5.0]]).double()
    assert mean_discrepancy(a, b).item() == pytest.approx(2.0**2 + 0 + (1 - 3.0) ** 2)


def test_mean_discrepancy_compares_vectors_and_trains_both_sides():
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0]]).double().requires_grad_()
    b = torch.tensor([[0.0, 1.0], [0.0, 1.0]]).double().requires_grad_()
    discrepancy = mean_discrepancy(a, b)
    assert discrepancy.item() == pytest.approx(2)  # though the means over all entries are equal
    discrepancy.backward()
    towards = torch.tensor([1.0, -1.0]).double().expand(2, 2)
    torch.testing.assert_close(a.grad, towards)
    torch.testing.assert_close(b.grad, -towards)


def test_batch_mean_of_one_process_is_a_mean_with_its_gradient():
    values = torch.tensor([[1.0, 5.0], [2.0, 7.0], [6.0, 0.0]]).double().requires_grad_()
    mean = batch_mean(values)
    assert mean.tolist() == pytest.approx([3, 4])
    (mean @ torch.tensor([3.0, 6.0]).double()).backward()
    torch.testing.assert_close(values.grad, torch.tensor([1.0, 2.0]).double().expand(3, 2))


@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize("half", HALVES)
def test_half_types_give_the_single_precision_losses(half, autocast):
    student, teacher = (20 * torch.rand(2, 8, 4, 5, 5)).to(half)
    f, g = student.flatten(1), teacher.flatten(1)
    with torch.autocast("cpu", half, enabled=autocast):
        found = attention_transfer(student, teacher), mean_discrepancy(f, g)
    expected = (
        attention_transfer(student.float(), teacher.float()),
        mean_discrepancy(f.float(), g.float()),
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
