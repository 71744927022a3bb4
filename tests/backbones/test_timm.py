import math

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from selfdistill.backbones import create_backbone
from selfdistill.backbones.timm import TimmBackbone, choose_stages
from selfdistill.preprocessing import Preprocessing

FAMILIES = [
    ("test_resnet", 4),
    ("resnetv2_18", 4),
    ("convnext_atto", 4),
    ("efficientnet_b0", 4),
    ("mobilenetv3_small_050", 4),
    ("mobilenetv4_conv_small", 4),
    ("regnetx_002", 4),
    ("densenet121", 4),
    ("hgnetv2_b0", 4),
    ("ghostnet_100", 4),
    ("mobilevit_xxs", 4),
    ("edgenext_xx_small", 4),
    ("pvt_v2_b0", 4),
    ("levit_128s", 3),
    ("test_vit", 4),
    ("deit_tiny_distilled_patch16_224", 4),
    ("resmlp_12_224", 4),
]


def check_declarations(backbone):
    images = torch.randn(2, *backbone.input_size)
    backbone.eval()
    with torch.no_grad():
        features, logits = backbone.stages(images)
        torch.testing.assert_close(logits, backbone(images))
    assert backbone.channels == tuple(f.shape[1] for f in features)
    assert backbone.reductions == tuple(images.shape[2] / f.shape[2] for f in features)
    assert backbone.signed == bool((features[-1] < 0).any())
    assert logits.shape == (2, backbone.num_classes)


@pytest.mark.parametrize(("name", "stages"), FAMILIES)
def test_declarations_hold(name, stages):
    backbone = create_backbone(name, 7, image_size=64)
    assert len(backbone.channels) == stages
    assert backbone.reductions[0] > 2
    check_declarations(backbone)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vgg11_bn", {"mlp_ratio": 1 / 32}),
        ("swin_tiny_patch4_window7_224", {"img_size": 64, "embed_dim": 24, "depths": (1, 1, 1, 1)}),
    ],
)
def test_declarations_of_a_narrow_network_hold(name, options):
    network = timm.create_model(name, num_classes=7, **options)
    check_declarations(TimmBackbone(network, input_size=(3, 64, 64)))


def test_size_and_channels():
    backbone = create_backbone("test_vit", 5, image_size=96, in_chans=1)
    assert backbone.input_size == (1, 96, 96)
    assert backbone.stages(torch.randn(1, 1, 96, 96)).features[-1].shape[2:] == (6, 6)
    assert create_backbone("test_vit", 5).input_size == (3, 160, 160)


def test_isotropic_networks_show_every_fourth_of_their_blocks():
    backbone = create_backbone("deit_tiny_patch16_224", 5, image_size=32).eval()
    assert backbone.passes.indices == (2, 5, 8, 11)
    images = torch.randn(1, 3, 32, 32)
    tokens = backbone.network.forward_features(images)[:, 1:]
    last = backbone.stages(images).features[-1]
    torch.testing.assert_close(last.flatten(2).transpose(1, 2), tokens)


def test_choice_of_stages():
    def choose(*heights):
        return choose_stages(tuple(torch.empty(1, 1, h, h) for h in heights), 64)

    assert choose(32, 16, 8, 4, 2) == (1, 2, 3, 4)
    assert choose(16, 16, 8, 4) == (1, 2, 3)
    assert choose(32, 16, 8, 8) == (1, 3)
    assert choose(*[4] * 6) == (0, 2, 3, 5)
    assert choose(4, 4, 4) == (0, 1, 2)


def test_the_probe_leaves_no_trace():
    network = timm.create_model("test_resnet", num_classes=5)
    network.train()
    network.layer1.eval()
    modes = [module.training for module in network.modules()]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    random_state = torch.get_rng_state()
    TimmBackbone(network, input_size=(3, 64, 64))
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(p.grad is None for p in network.parameters())


def test_network_is_timms():
    torch.manual_seed(1)
    ours = create_backbone("test_convnext", 5).network.state_dict()
    torch.manual_seed(1)
    theirs = timm.create_model("test_convnext", num_classes=5).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_what_is_said_of_a_picture_is_what_timm_says(name):
    backbone = create_backbone(name, 5).eval()
    network = timm.create_model(name, num_classes=5).eval()
    network.load_state_dict(backbone.network.state_dict())
    config = timm.data.resolve_data_config(model=network)
    size, mean, std = backbone.input_size[1:], config["mean"], config["std"]
    crop = size[0] / math.floor(size[0] / config["crop_pct"])  # timm drops the fraction
    preprocessing = Preprocessing(size, mean, std, crop, config["interpolation"])
    pixels = np.random.default_rng(0).integers(256, size=(20, 25, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels).resize((250, 200))
    with torch.no_grad():
        logits = backbone.stages(preprocessing.from_image(picture)[None]).logits
        expected = network(timm.data.create_transform(**config)(picture)[None])
    torch.testing.assert_close(logits, expected)


def test_networks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="Tapped"):
        TimmBackbone(nn.Flatten(), input_size=(3, 8, 8))
    with pytest.raises(ValueError, match="another image_size"):
        create_backbone("inception_v3", 5, image_size=32)


def test_network_whose_passes_disagree_is_refused():
    network = timm.create_model("test_resnet")

    class Other(type(network)):
        def forward(self, x):
            return super().forward(x) + 1

    network.__class__ = Other
    with pytest.raises(ValueError, match="classifies differently"):
        TimmBackbone(network, input_size=(3, 64, 64))
