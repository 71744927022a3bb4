"""The closing norm of timm's networks: the last map passes it once, the shallow ones do not."""

from functools import cache

import pytest
import timm
import torch
from timm.layers import GatedMlp
from timm.models import mlp_mixer
from torch import nn

from selfdistill.backbones.timm import TimmBackbone, as_map
from selfdistill.methods import BYOT, SKDSAM
from selfdistill.testing import check_reaches, reached

SMALL = {"img_size": 32, "embed_dim": 24, "num_heads": 2, "depth": 4}
PATCHED = {**SMALL, "patch_size": 8}
MIXED = {"img_size": 32, "embed_dim": 24, "num_blocks": 4, "patch_size": 8}
FAMILIES = {
    "vit_tiny_patch16_224": PATCHED,
    "deit_tiny_distilled_patch16_224": PATCHED,
    "deit3_small_patch16_224": PATCHED,
    "beit_base_patch16_224": PATCHED,
    "eva_large_patch14_196": {**PATCHED, "num_heads": 3},
    "cait_xxs24_224": PATCHED,
    "xcit_nano_12_p8_224": SMALL,
    "mixer": MIXED,
    "gmlp": {
        **MIXED,
        "mlp_ratio": 4,
        "block_layer": mlp_mixer.SpatialGatingBlock,
        "mlp_layer": GatedMlp,
    },
    "resmlp": {
        **MIXED,
        "mlp_ratio": 4,
        "block_layer": mlp_mixer.ResBlock,
        "norm_layer": mlp_mixer.Affine,
    },
    "convit_tiny": {**PATCHED, "embed_dim": 8, "num_heads": 4},
    "crossvit_tiny_240": {},
    "coat_lite_tiny": {"img_size": 64, "embed_dims": (8, 16, 24, 32), "serial_depths": (1,) * 4},
}
LAST_ONLY = {
    "swin_tiny_patch4_window7_224": {"img_size": 64, "embed_dim": 24, "depths": (1, 1, 1, 1)},
    "twins_svt_small": {"embed_dims": (16, 16, 32, 32), "depths": (1, 1, 1, 1), "img_size": 64},
    "visformer_tiny": {"embed_dim": 48, "depth": (1, 1, 1), "img_size": 64},
    "convnext_atto": {"dims": (8, 8, 16, 16), "depths": (1, 1, 1, 1)},
    "resnetv2_18": {"channels": (8, 16, 24, 32), "layers": (1, 1, 1, 1)},
}


def build(name):
    options = (FAMILIES | LAST_ONLY)[name]
    if "num_blocks" in options:
        return mlp_mixer.MlpMixer(num_classes=5, **options)
    return timm.create_model(name, num_classes=5, **options)


@cache
def made(name):
    torch.manual_seed(0)
    size = (FAMILIES | LAST_ONLY)[name].get("img_size", 240 if "240" in name else 64)
    network = build(name)
    for module in network.modules():
        if isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return TimmBackbone(network, input_size=(3, size, size)).eval()


def asked(backbone, images, *, norm):
    indices = list(backbone.passes.indices)
    return backbone.network.forward_intermediates(images, indices=indices, norm=norm)[1]


def images_for(backbone):
    return torch.randn(2, *backbone.input_size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", FAMILIES)
def test_shallow_maps_do_not_pass_the_closing_norm(name):
    backbone = made(name)
    images = images_for(backbone)
    features, logits = backbone.stages(images)
    torch.testing.assert_close(logits, backbone(images))
    raw, normed = (asked(backbone, images, norm=norm) for norm in (False, True))
    closing = reached(normed[0].sum(), backbone.network) - reached(raw[0].sum(), backbone.network)
    for shown, plain in zip(features[:-1], raw[:-1], strict=True):
        torch.testing.assert_close(shown, plain)
        assert not closing & reached(shown.square().sum(), backbone.network)
    # XCiT's last tokens pass its class attention before the closing norm.
    if not name.startswith("xcit"):
        torch.testing.assert_close(features[-1], normed[-1])
    weighed = (features[-1] * torch.randn(features[-1].shape)).sum()
    assert any("norm" in name for name in reached(weighed, backbone.network))


@pytest.mark.parametrize("name", LAST_ONLY)
def test_networks_that_normalize_their_last_map_alone_are_as_they_were(name):
    backbone = made(name)
    images = images_for(backbone)
    features, logits = backbone.stages(images)
    torch.testing.assert_close(logits, backbone(images))
    for shown, expected in zip(features, asked(backbone, images, norm=True), strict=True):
        torch.testing.assert_close(shown, expected)


def test_running_statistics_move_once_a_step():
    backbone = TimmBackbone(build("resnetv2_18"), input_size=(3, 64, 64)).train()
    backbone.stages(images_for(backbone))
    counts = {
        m.num_batches_tracked.item() for m in backbone.modules() if hasattr(m, "running_mean")
    }
    assert counts == {1}


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "mixer"])
@pytest.mark.parametrize("method", [SKDSAM, BYOT])
def test_exits_of_a_transformer_train_the_blocks_before_them(method, name):
    def make(_):
        return method(TimmBackbone(build(name), input_size=(3, 32, 32)))

    inner = [f"backbone.network.{part}" for part in parts(name)]
    reach = {"labels": ("backbone",), "exit_labels": (*inner, "exits")}
    check_reaches(make, reach)


def parts(name):
    """Everything before the third of four blocks ends."""
    before = {"vit_tiny_patch16_224": ("cls_token", "pos_embed", "patch_embed")}
    blocks = [f"blocks.{number}" for number in range(3)]
    return (*before.get(name, ("stem",)), *blocks)


def test_what_is_not_a_map_is_refused():
    shape = torch.Size([2, 3, 4, 5])
    for last in (None, torch.zeros(2, 3), torch.zeros(2, 19, 3), torch.zeros(2, 20, 4)):
        with pytest.raises(TypeError, match="4 × 5"):
            as_map(last, shape)
    tokens = torch.randn(2, 21, 3)
    assert torch.equal(as_map(tokens, shape).flatten(2).mT, tokens[:, 1:])
    assert torch.equal(as_map((None, tokens), shape).flatten(2).mT, tokens[:, 1:])
