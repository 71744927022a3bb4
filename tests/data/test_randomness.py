"""Numbers that depend on the image, and on nothing around it."""

import pytest
import torch
from scipy import stats

from selfdistill.data.randomness import uniform


def test_a_number_depends_on_its_image_alone():
    indices = torch.tensor([5, 0, 49_999, 7])
    together = uniform(indices, (3, 4, 4), 1, 2)
    for row, index in zip(together, indices, strict=True):
        assert torch.equal(uniform(index[None], (3, 4, 4), 1, 2)[0], row)
    assert torch.equal(uniform(indices.flip(0), (3, 4, 4), 1, 2), together.flip(0))


@pytest.mark.parametrize("keys", [(1, 3), (2, 2), (2, 1)])
def test_other_keys_give_other_numbers(keys):
    indices = torch.arange(100)
    ours, others = uniform(indices, (50,), 1, 2), uniform(indices, (50,), *keys)
    assert abs(float(torch.corrcoef(torch.stack([ours.flatten(), others.flatten()]))[0, 1])) < 0.05


def test_they_are_uniform_and_independent():
    numbers = uniform(torch.arange(200), (500,), 0, 0)
    assert float(numbers.min()) >= 0
    assert float(numbers.max()) < 1
    assert stats.kstest(numbers.flatten().numpy(), "uniform").pvalue > 1e-3
    for first, second in ((numbers[:, 1:], numbers[:, :-1]), (numbers[1:], numbers[:-1])):
        pair = torch.stack([first.flatten(), second.flatten()])
        assert abs(float(torch.corrcoef(pair)[0, 1])) < 0.02
    assert len(numbers.unique()) > 0.99 * numbers.numel()
