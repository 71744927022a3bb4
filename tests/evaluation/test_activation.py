"""Where blocks look, against class activation maps by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from selfdistill.evaluation import class_activation
from selfdistill.methods import BYOT, SKDSAM, CrossEntropy, SKDSAMReleased


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


def test_a_method_that_shows_no_stages_has_no_maps(backbone, batch):
    assert class_activation(CrossEntropy(backbone), batch[0]).maps == ()
