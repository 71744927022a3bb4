import copy
import io

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from selfdistill.backbones import Tapped
from selfdistill.backbones.create import build_own

STAGES = ["layer1", "layer2", "layer3"]


def make(**options):
    return Tapped(
        build_own("resnet20_cifar", 5, width=4), STAGES, input_size=(3, 16, 16), **options
    )


def test_agrees_with_a_network_that_knows_its_stages():
    backbone = make(num_classes=5).eval()
    images = torch.randn(2, 3, 16, 16)
    features, logits = backbone.stages(images)
    expected = backbone.network.stages(images)
    assert all(torch.equal(*pair) for pair in zip(features, expected.features, strict=True))
    assert torch.equal(logits, backbone(images))
    assert backbone.channels == (4, 8, 16)
    assert backbone.reductions == (1, 2, 4)
    assert not backbone.signed
    assert backbone.num_classes == 5


def test_sign():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.LazyLinear(5))
    assert Tapped(module, ["1"], input_size=(3, 8, 8)).signed


def test_the_module_stays_as_it_was():
    module = build_own("resnet20_cifar", 5, width=4).train()
    module.layer2.eval()
    modes = [m.training for m in module.modules()]
    before = {key: value.clone() for key, value in module.state_dict().items()}
    backbone = Tapped(module, STAGES, input_size=(3, 16, 16))
    assert backbone.network is module
    assert [m.training for m in module.modules()] == modes
    assert list(module.state_dict()) == list(before)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_nothing_is_kept_after_a_pass():
    backbone = make()
    images = torch.randn(2, 3, 16, 16)
    backbone.stages(images)
    backbone(images)
    with pytest.raises(RuntimeError):
        backbone.stages(torch.randn(2, 4, 16, 16))
    assert all(tap.output is None and not tap.open for tap in backbone.taps.values())


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_shows_its_own_maps(how):
    backbone = make().eval()
    if how == "deepcopy":
        other = copy.deepcopy(backbone)
    else:
        file = io.BytesIO()
        torch.save(backbone, file)
        file.seek(0)
        other = torch.load(file, weights_only=False)
    with torch.no_grad():
        other.network.bn1.weight.mul_(2)
    images = torch.randn(2, 3, 16, 16)
    for each in (backbone, other):
        shown, expected = each.stages(images), each.network.stages(images)
        assert torch.equal(shown.features[0], expected.features[0])
    assert not torch.equal(other.stages(images).features[0], backbone.stages(images).features[0])


@pytest.mark.parametrize(
    ("stages", "options", "complaint"),
    [
        (["layer1", "layr2"], {}, "'layr2'.*layer2"),
        ([], {}, "stages is empty"),
        (["layer1", "layer1"], {}, "repeat a name"),
        (["layer3", "layer1"], {}, "shallow to deep"),
        (["layer1", "fc"], {}, r"fc puts out \(1, 5\)"),
        (["layer1", "layer2.0.downsample.2"], {}, "no submodule"),
        (["layer1"], {"num_classes": 6}, r"\(1, 6\)"),
    ],
)
def test_unsuitable_stages(stages, options, complaint):
    module = build_own("resnet20_cifar", 5, width=4)
    with pytest.raises(ValueError, match=complaint):
        Tapped(module, stages, input_size=(3, 16, 16), **options)
    assert not any(m._forward_hooks for m in module.modules())


def test_submodule_that_does_not_run():
    module = build_own("resnet20_cifar", 5, width=4)
    module.spare = nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match="spare did not run"):
        Tapped(module, ["layer1", "spare"], input_size=(3, 16, 16))


class DeepestMean(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, images):
        features, logits = self.backbone.stages(images)
        return features[-1].mean() + logits.mean()


def test_distribution_and_averaging(tmp_path):
    backbone = make().eval()
    keys = list(backbone.network.state_dict())
    images = torch.randn(2, 3, 16, 16)
    plain = DeepestMean(backbone)(images)
    average = AveragedModel(DeepestMean(backbone))
    torch.testing.assert_close(average(images), plain)
    assert list(average.module.backbone.network.state_dict()) == keys
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        wrapped = DistributedDataParallel(DeepestMean(backbone))
        loss = wrapped(images)
        loss.backward()
    finally:
        dist.destroy_process_group()
    torch.testing.assert_close(loss, plain)
    assert all(p.grad is not None for p in backbone.parameters())
    assert list(wrapped.module.backbone.network.state_dict()) == keys
