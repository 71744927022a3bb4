import pytest
import torch

from selfdistill.attachments.attention_controls import (
    BatchMeanAttention,
    FixedAttention,
    stage_weights,
)


def attend(kind, count, dtype, *, training=True):
    maps = torch.zeros(count, 5, 1, 1, dtype=dtype)
    return FixedAttention(kind, 3).train(training)((maps,) * 4, temperature=1.0)


def test_random_shares_are_uniform_on_the_simplex_and_come_from_the_seed():
    shares = attend("random", 40_000, torch.float64)
    torch.testing.assert_close(shares.sum(1), torch.ones(40_000).double())
    assert shares.mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.005)
    assert shares.var(0).tolist() == pytest.approx([2 / (9 * 4)] * 3, rel=0.03)
    assert (shares[:, 0] < 0.1).double().mean().item() == pytest.approx(1 - 0.9**2, abs=0.01)
    again = attend("random", 40_000, torch.float64)
    assert not (again == shares).any()
    torch.manual_seed(0)
    assert torch.equal(attend("random", 40_000, torch.float64), shares)


@pytest.mark.parametrize("kind", ["uniform", "last", "random"])
def test_fixed_attention_is_at_least_single(kind):
    shares = attend(kind, 4, torch.bfloat16)
    assert shares.dtype == torch.float32
    assert shares.shape == (4, 3)


def test_random_shares_are_their_mean_in_evaluation():
    state = torch.get_rng_state()
    shares = attend("random", 4, torch.float32, training=False)
    assert torch.equal(shares, torch.full((4, 3), 1 / 3))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("small", [1e-11, 1e-15, 1e-30])
def test_inverse_weights_of_small_shares_are_exact(small):
    alpha = torch.tensor([[small, 3 * small, 1 - 4 * small]])
    exact = torch.tensor([[3 / 4, 1 / 4, 0.0]]) * 3
    torch.testing.assert_close(stage_weights("inverse", alpha), exact, rtol=1e-4, atol=1e-6)


def test_a_share_of_nothing_gives_finite_inverse_weights():
    alpha = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    weights = stage_weights("inverse", alpha)
    torch.testing.assert_close(weights, torch.tensor([[2.0, 0.0], [1.0, 1.0]]))


def test_the_running_mean_follows_training_and_serves_evaluation():
    shares = BatchMeanAttention(2).double()
    alpha = torch.tensor([[0.2, 0.8], [0.6, 0.4]]).double().requires_grad_()
    mean = torch.tensor([0.4, 0.6]).double()
    expected = torch.tensor([0.5, 0.5]).double()
    for _ in range(3):
        torch.testing.assert_close(shares(alpha), mean.expand(2, 2))
        expected = 0.9 * expected + 0.1 * mean
    shares.eval()
    torch.testing.assert_close(shares(alpha[:1]), expected.expand(1, 2))
    assert not shares(alpha).requires_grad
    torch.testing.assert_close(shares.running_mean, expected)
