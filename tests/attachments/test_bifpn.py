from types import SimpleNamespace

import numpy as np
import pytest
import torch

from methods import by_hand
from selfdistill.attachments import BiFPN
from selfdistill.testing import TinyBackbone

SIZES = {
    "halved": ((16, 16), (8, 8), (4, 4)),
    "odd, rounded up": ((7, 14), (4, 7), (2, 4)),
    "odd, rounded down": ((15, 15), (7, 7), (3, 3)),
    "equal": ((5, 5), (5, 5), (5, 5)),
    "one position": ((2, 2), (1, 1), (1, 1)),
    "other ratios": ((16, 12), (5, 3), (4, 1)),
}


def relu(maps):
    return np.maximum(maps, 0)


def pointwise(module, maps):
    return relu(by_hand.project(module[:2], maps))


def separable(module, maps):
    """Two depth-wise separable convolutions, a sum over the 3 × 3 neighbours at a time."""
    for depthwise, rest in ((module[0], module[1:3]), (module[4], module[5:7])):
        kernel = by_hand.numbers(depthwise.weight)[:, 0, :, :, None, None]
        padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
        height, width = maps.shape[2:]
        mixed = sum(
            kernel[:, i, j] * padded[:, :, i : i + height, j : j + width]
            for i in range(3)
            for j in range(3)
        )
        maps = by_hand.project(rest, mixed)
        if depthwise is module[0]:
            maps = relu(maps)
    return maps


def plain(module, maps):
    """One 3 × 3 convolution, as a projection of all neighbours side by side."""
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = maps.shape[2:]
    neighbours = [padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    weight = module[0].weight.flatten(2).permute(0, 2, 1).flatten(1)[:, :, None, None]
    projection = (SimpleNamespace(weight=weight), module[1])
    return by_hand.project(projection, np.concatenate(neighbours, 1))


def fuse(fusion, *maps):
    weights = relu(by_hand.numbers(fusion.weights))
    weights = weights / (weights.sum() + 1e-6)
    mixed = sum(w * relu(m) for w, m in zip(weights, maps, strict=True))
    return (plain if len(fusion.refine) == 3 else separable)(fusion.refine, mixed)


def up(maps, size):
    rows, columns = (
        [i * m // n for i in range(n)] for n, m in zip(size, maps.shape[2:], strict=True)
    )
    return maps[:, :, rows][:, :, :, columns]


def windows(length, count, halved):
    """Three positions, two apart; where the size is not halved, equal parts that may overlap."""
    if not halved:
        return [slice(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
    before = (2 * count + 1 - length) // 2
    starts = [2 * i - before for i in range(count)]
    return [slice(max(start, 0), start + 3) for start in starts]


def down(maps, size):
    """The largest of each window; nothing outside the map."""
    if maps.shape[2:] == size:
        return maps
    full = maps.shape[2:]
    halved = all(n - 0.5 <= m / 2 <= n + 0.5 for n, m in zip(size, full, strict=True))
    rows, columns = (windows(m, n, halved) for n, m in zip(size, full, strict=True))
    reduced = np.zeros((*maps.shape[:2], *size))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            reduced[:, :, i, j] = maps[:, :, row, column].max((2, 3))
    return reduced


def pyramid(bifpn, f, sizes):
    f = [relu(by_hand.numbers(maps)) for maps in f]
    p = [pointwise(bifpn.laterals[l], f[l]) for l in range(3)]  # noqa: E741
    second = [None, *(pointwise(bifpn.second_laterals[l - 1], f[l]) for l in (1, 2))]  # noqa: E741
    u = [None, None, p[2]]
    for l in (1, 0):  # noqa: E741
        deeper = pointwise(bifpn.up[l], up(relu(u[l + 1]), sizes[l]))
        u[l] = fuse(bifpn.up_fusions[l], p[l], deeper)
    v = [u[0], None, None]
    for l in (1, 2):  # noqa: E741
        shallower = pointwise(bifpn.down[l - 1], down(relu(v[l - 1]), sizes[l]))
        inputs = (second[1], u[1], shallower) if l == 1 else (second[2], shallower)
        v[l] = fuse(bifpn.down_fusions[l - 1], *inputs)
    return [relu(maps) for maps in v]


@pytest.mark.parametrize("sizes", SIZES.values(), ids=list(SIZES))
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("form", [{}, {"width": 1, "refinement": "plain"}], ids=["as is", "plain"])
def test_equation(sizes, training, form):
    bifpn = by_hand.randomised(BiFPN(TinyBackbone(), **form), training=training)
    for fusion in (*bifpn.up_fusions, *bifpn.down_fusions):
        torch.nn.init.uniform_(fusion.weights, 0.3, 2.0)
    if not training:
        with torch.no_grad():
            bifpn.down_fusions[0].weights[1] = -0.5
    f = [torch.randn(2, c, *s).double() for c, s in zip((4, 6, 8), sizes, strict=True)]
    expected = pyramid(bifpn, f, sizes)
    maps, logits = bifpn(tuple(f))
    for found, wanted in zip(maps, expected, strict=True):
        np.testing.assert_allclose(by_hand.numbers(found), wanted, rtol=1e-9, atol=1e-12)
    assert tuple(found.shape[2:] for found in maps) == sizes
    weight, bias = by_hand.numbers(bifpn.head.weight), by_hand.numbers(bifpn.head.bias)
    classified = expected[-1].mean((2, 3)) @ weight.T + bias
    np.testing.assert_allclose(by_hand.numbers(logits), classified, rtol=1e-9)


def test_has_as_many_parameters_as_the_authors_code():
    with torch.device("meta"):
        bifpn = BiFPN(TinyBackbone((64, 128, 256, 512), 100))
    assert sum(parameter.numel() for parameter in bifpn.parameters()) == 6_375_794
    assert all(
        (fusion.weights.shape == (3,)) == (n < 2) for n, fusion in enumerate(bifpn.down_fusions)
    )


def test_fusion_weights_start_at_one():
    bifpn = BiFPN(TinyBackbone())
    for fusion in (*bifpn.up_fusions, *bifpn.down_fusions):
        assert torch.equal(fusion.weights, torch.ones_like(fusion.weights))


def test_a_plain_pyramid_has_full_convolutions_of_its_width():
    bifpn = BiFPN(TinyBackbone((4, 6, 8)), width=3, refinement="plain")
    kernels = [fusion.refine[0].weight.shape for fusion in bifpn.down_fusions]
    assert kernels == [(18, 18, 3, 3), (24, 24, 3, 3)]
