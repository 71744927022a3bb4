import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from selfdistill.attachments import build_exits
from selfdistill.attachments.exits import pool_to
from selfdistill.backbones import create_backbone
from selfdistill.testing import TinyBackbone

KINDS = ["bottleneck", "chained"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("small", 32),
        ("resnet20_cifar", 32),
        ("vit_tiny_patch16_224", 64),
        ("mobilenetv3_small_050", 64),
    ],
)
def test_exits_reach_the_deepest_shape_on_any_network(kind, name, size):
    backbone = create_backbone(name, 7, image_size=None if size == 32 else size)
    exits = build_exits(backbone, kind)
    (*shallow, deepest), _ = backbone.stages(torch.randn(2, 3, size, size))
    assert len(exits) == len(shallow) >= 2
    for branch, feature in zip(exits, shallow, strict=True):
        mapped, logits = branch(feature, (deepest.shape[2], deepest.shape[3]))
        assert mapped.shape == deepest.shape
        assert logits.shape == (2, 7)
        assert bool((mapped < 0).any()) == backbone.signed


@pytest.mark.parametrize("kind", KINDS)
def test_an_exit_classifies_the_average_of_its_map(kind):
    backbone = TinyBackbone()
    branch = build_exits(backbone, kind)[0]
    mapped, logits = branch(torch.randn(3, 4, 16, 16), (4, 4))
    average = mapped.flatten(2).sum(2) / 16
    torch.testing.assert_close(logits, average @ branch.head.weight.T + branch.head.bias)


def convolutions(branch):
    return [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0], m.padding[0])
        for m in branch.modules()
        if isinstance(m, nn.Conv2d)
    ]


def test_a_bottleneck_is_one_block_of_the_whole_stride():
    exits = build_exits(TinyBackbone((4, 40, 512, 1024)), "bottleneck")
    assert [convolutions(branch) for branch in exits] == [
        [(4, 8, 1, 1, 0), (8, 8, 8, 8, 0), (8, 1024, 1, 1, 0)],
        [(40, 80, 1, 1, 0), (80, 80, 4, 4, 0), (80, 1024, 1, 1, 0)],
        [(512, 128, 1, 1, 0), (128, 128, 2, 2, 0), (128, 1024, 1, 1, 0)],
    ]
    (shallow,) = build_exits(TinyBackbone((64, 128)), "bottleneck")
    assert convolutions(shallow) == [(64, 32, 1, 1, 0), (32, 32, 2, 2, 0), (32, 128, 1, 1, 0)]


def test_a_chain_has_a_block_for_every_missing_stage():
    exits = build_exits(TinyBackbone((4, 6, 8)), "chained")
    last = [(6, 8, 1, 1, 0), (8, 8, 3, 2, 1), (8, 8, 1, 1, 0)]
    first = [(4, 6, 1, 1, 0), (6, 6, 3, 2, 1), (6, 6, 1, 1, 0)]
    assert [convolutions(branch) for branch in exits] == [[*first, *last], last]


def test_where_the_resolution_stays_so_does_the_stride():
    backbone = TinyBackbone((4, 6, 8))
    backbone.reductions = (2.0, 2.0, 4.4)
    strides = {
        kind: [[c[3] for c in convolutions(branch)] for branch in build_exits(backbone, kind)]
        for kind in KINDS
    }
    assert strides["bottleneck"] == [[1, 2, 1], [1, 2, 1]]
    assert strides["chained"] == [[1, 1, 1, 1, 2, 1], [1, 2, 1]]
    backbone.reductions = (4.0, 4.0, 4.0)
    for kind in KINDS:
        branch = build_exits(backbone, kind)[0]
        assert {c[3] for c in convolutions(branch)} == {1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signed", [True, False])
def test_only_before_a_signed_map_the_last_relu_is_left_out(kind, signed):
    backbone = TinyBackbone()
    backbone.signed = signed
    for exit in build_exits(backbone, kind):
        layers = [type(layer).__name__ for layer in exit.branch]
        block = ["Conv2d", "BatchNorm2d", "ReLU"]
        expected = block * (len(layers) // 3 + signed)
        assert layers == (expected[:-1] if signed else expected)


@pytest.mark.parametrize(("kind", "ratio"), [("bottleneck", 1.07), ("chained", 1.54)])
def test_cost_beside_the_32_pixel_resnet18(kind, ratio):
    sizes = {64: 32, 128: 16, 256: 8, 512: 4}
    with torch.device("meta"):
        exits = build_exits(TinyBackbone(tuple(sizes), 100), kind)
        with FlopCounterMode(display=False) as counter:
            for branch, (channels, size) in zip(exits, sizes.items(), strict=False):
                branch(torch.empty(1, channels, size, size), (4, 4))
    plain = 0.556e9
    assert 1 + counter.get_total_flops() / 2 / plain == pytest.approx(ratio, abs=0.006)


def test_pool_to_averages_blocks_and_passes_what_fits():
    maps = torch.arange(36.0).view(1, 1, 6, 6)
    expected = [
        [maps[0, 0, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3].mean() for j in (0, 1)] for i in (0, 1, 2)
    ]
    torch.testing.assert_close(pool_to(maps, (3, 2))[0, 0], torch.tensor(expected))
    assert pool_to(maps, (6, 6)) is maps
