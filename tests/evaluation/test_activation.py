"""Where blocks look, against class activation maps by hand."""

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn

from selfdistill.backbones import Stages
from selfdistill.backbones.timm import TimmBackbone
from selfdistill.evaluation import class_activation, network_activation
from selfdistill.methods import BYOT, SKDSAM, CrossEntropy, SKDSAMReleased
from selfdistill.testing import TinyBackbone


def by_hand(feature, head):
    """Weights of the most probable class times the map, on the deepest map's grid."""
    best = head(feature.mean((2, 3))).argmax(1)
    heat = torch.einsum("bc,bchw->bhw", head.weight[best], feature)[:, None]
    coarse = F.adaptive_avg_pool2d(heat, 4).relu()
    large = F.interpolate(coarse, (16, 16), mode="bilinear")[:, 0]
    return large / large.amax((1, 2), keepdim=True)


def test_linear_classifiers_on_averages_give_class_activation_maps(backbone, batch):
    images, _ = batch
    method = BYOT(backbone)
    method.exits[0].branch, method.exits[0].head = nn.Identity(), nn.Linear(4, 5)
    nn.init.uniform_(method.exits[0].head.weight, -0.3, 1)
    nn.init.uniform_(backbone.network.head.weight, -0.3, 1)
    with torch.no_grad():
        activation = class_activation(method, images)
        method.eval()
        first, _, deepest = backbone.stages(images).features
        torch.testing.assert_close(activation.maps[0], by_hand(first, method.exits[0].head))
        torch.testing.assert_close(activation.maps[2], by_hand(deepest, backbone.network.head))
        torch.testing.assert_close(activation.inspection.exits, method.inspect(images).exits)


@pytest.mark.parametrize("build", [BYOT, SKDSAM, SKDSAMReleased])
def test_every_stage_is_explained_and_nothing_is_left_behind(build, backbone, batch):
    method = build(backbone)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    activation = class_activation(method, batch[0])
    assert [tuple(heat.shape) for heat in activation.maps] == [(6, 16, 16)] * 3
    assert all(heat.min() >= 0 and heat.max() <= 1 for heat in activation.maps)
    assert not any(logits.requires_grad for logits in activation.inspection.exits.values())
    assert method.training
    assert "stages" not in vars(backbone)
    assert all(parameter.grad is None for parameter in method.parameters())
    assert all(torch.equal(before[name], value) for name, value in method.state_dict().items())


def test_a_method_that_shows_no_stages_has_the_networks_map(backbone, batch):
    heat, *rest = class_activation(CrossEntropy(backbone), batch[0]).maps
    torch.testing.assert_close(heat, class_activation(BYOT(backbone), batch[0]).maps[-1])
    assert not rest


@pytest.mark.parametrize("classes", [None, torch.tensor([4, 3, 2, 1, 0, 0])])
def test_a_linear_head_on_averages_gives_the_map_of_zhou_and_that_of_grad_cam(
    backbone, batch, classes
):
    images, _ = batch
    nn.init.uniform_(backbone.network.head.weight, -0.3, 1)
    activation = network_activation(backbone, images, classes)
    assert activation.cells == (4, 4)
    features, logits = backbone.eval().stages(images)
    feature = features[-1]
    chosen = logits.argmax(1) if classes is None else classes
    zhou = torch.einsum("bc,bchw->bhw", backbone.network.head.weight[chosen], feature)
    (gradient,) = torch.autograd.grad(logits.gather(1, chosen[:, None]).sum(), feature)
    grad_cam = (gradient.mean((2, 3), keepdim=True) * feature).sum(1)
    torch.testing.assert_close(grad_cam, zhou / 16)
    for cam in (zhou, grad_cam):
        large = F.interpolate(cam.relu()[:, None], (16, 16), mode="bilinear")[:, 0]
        expected = large / large.amax((1, 2), keepdim=True)
        torch.testing.assert_close(activation.maps, expected)


def test_a_head_that_weighs_positions_is_followed_position_by_position(backbone, batch):
    """What lies beyond the positions that the head reads is none of the map: Grad-CAM shows it."""
    images, _ = batch
    seen = torch.zeros(4, 4)
    seen[1, 2] = 1

    def head(feature):
        return nn.functional.linear((feature * seen).sum((2, 3)), torch.ones(5, 8))

    def stages(images):
        features = TinyBackbone.stages(backbone, images).features
        return Stages(features, head(features[-1]))

    vars(backbone)["stages"] = stages
    heat = network_activation(backbone, images).maps
    cells = F.adaptive_avg_pool2d(heat[:, None], 4)[:, 0]
    assert (cells.flatten(1).argmax(1) == 1 * 4 + 2).all()
    assert (cells[:, 3] == 0).all()


TOKENS = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 3, "num_heads": 2}


@pytest.mark.parametrize("pool", ["token", "avg", "map"])
def test_transformers_are_explained_whatever_token_they_classify_by(pool):
    options = TOKENS | {"class_token": pool == "token", "num_classes": 5}
    network = timm.create_model("vit_tiny_patch16_224", global_pool=pool, **options)
    backbone = TimmBackbone(network, input_size=(3, 32, 32))
    images = torch.randn(2, 3, 32, 32)
    heat, cells = network_activation(backbone, images)
    assert cells == (4, 4)
    torch.testing.assert_close(heat.amax((1, 2)), torch.ones(2))
    assert not network.blocks[-1].norm1._forward_hooks
    if pool == "token":  # read through the last attention: by hand, what its norm puts out
        tokens = []
        hook = network.blocks[-1].norm1.register_forward_hook(lambda *a: tokens.append(a[2]))
        logits = network.eval()(images)
        hook.remove()
        (gradient,) = torch.autograd.grad(logits.amax(1).sum(), tokens[0])
        cam = (gradient * tokens[0])[:, 1:].sum(2).reshape(2, 1, 4, 4).relu()
        large = F.interpolate(cam, (32, 32), mode="bilinear")[:, 0]
        torch.testing.assert_close(heat, large / large.amax((1, 2), keepdim=True))


def test_a_network_that_reads_no_map_has_none(backbone, batch):
    nn.init.zeros_(backbone.network.head.weight)
    assert network_activation(backbone, batch[0]) is None
    assert class_activation(BYOT(backbone), batch[0]).maps[-1] is None
