import pytest
import torch

from selfdistill.attachments import StageAttention
from selfdistill.testing import TinyBackbone


@pytest.fixture
def features(backbone):
    return backbone.stages(torch.randn(5, 3, 16, 16)).features


@pytest.mark.parametrize("pooled", [True, False])
def test_shares_differ_by_image_and_sum_to_one(backbone, features, pooled):
    alpha = StageAttention(backbone, dim=16, pooled=pooled)(features, temperature=0.5)
    assert alpha.shape == (5, 2)
    assert alpha.min() > 0
    assert alpha[:, 0].std() > 1e-3
    torch.testing.assert_close(alpha.sum(1), torch.ones(5))


def test_zero_start_gives_every_block_the_same_share(features):
    for stages, maps in ((2, features), (1, features[1:])):
        attention = StageAttention(TinyBackbone((4, 6, 8)[2 - stages :]), zero_start=True)
        alpha = attention(maps, temperature=1.0)
        assert torch.equal(alpha, torch.full((5, stages), 1 / stages))


def test_shares_are_energies_by_temperature_and_length(backbone, features):
    attention = StageAttention(backbone, dim=3).eval()
    energies, length = attention.energies(features)
    assert length == 3 * 4 * 4
    odds = ((energies[:, 0] - energies[:, 1]) / (0.3 * length**0.5)).exp()
    alpha = attention(features, temperature=0.3)
    torch.testing.assert_close(alpha[:, 0] / alpha[:, 1], odds)


def test_pooled_queries_are_single_vectors_of_averaged_maps(backbone, features):
    attention = StageAttention(backbone, dim=3, pooled=True).eval()
    energies, length = attention.energies(features)
    assert length == 3
    averaged = tuple(f.mean((2, 3), keepdim=True).expand_as(f) for f in features)
    torch.testing.assert_close(attention.energies(averaged)[0], energies)


def test_energies_are_single_precision_under_autocast(backbone, features):
    attention = StageAttention(backbone)
    with torch.autocast("cpu", torch.bfloat16):
        alpha = attention(features, temperature=1.0)
    assert alpha.dtype == torch.float32
