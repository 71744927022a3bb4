import pytest
import torch
import torchvision
from torch import nn

from selfdistill.backbones import create_backbone
from selfdistill.backbones.create import build_own

PARAMETERS = [
    ("resnet18_cifar", 100, 11_220_132),
    ("resnet34_cifar", 100, 21_328_292),
    ("resnet50_cifar", 100, 23_705_252),
    ("resnet20_cifar", 10, 272_474),
    ("resnet32_cifar", 10, 466_906),
    ("resnet56_cifar", 10, 855_770),
    ("wrn_16_2", 100, 703_284),
    ("wrn_28_10", 10, 36_479_194),
    ("wrn_28_10", 100, 36_536_884),
    ("wrn_40_2", 100, 2_255_156),
    ("small", 10, 146_778),
]
NAMES = ["resnet18_cifar", "resnet50_cifar", "resnet20_cifar", "wrn_10_2", "small"]


def tiny(name, **options):
    """The named network, narrow enough to run at once."""
    width = {} if name.startswith("wrn") else {"width": 8}
    return create_backbone(name, 5, **width, **options)


@pytest.mark.parametrize(("name", "classes", "parameters"), PARAMETERS)
def test_parameters(name, classes, parameters):
    with torch.device("meta"):
        network = build_own(name, classes)
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_keys_are_torchvisions(depth):
    with torch.device("meta"):
        ours = build_own(f"resnet{depth}_cifar", 100).state_dict()
        theirs = getattr(torchvision.models, f"resnet{depth}")(num_classes=100).state_dict()
    assert list(ours) == list(theirs)
    different = {key for key in ours if ours[key].shape != theirs[key].shape}
    assert different == {"conv1.weight"}


@pytest.mark.parametrize("size", [32, 28, 17])
@pytest.mark.parametrize("name", NAMES)
def test_declarations_hold(name, size):
    backbone = tiny(name, image_size=size, in_chans=2).eval()
    images = torch.randn(2, *backbone.input_size)
    features, logits = backbone.stages(images)
    assert backbone.input_size == (2, size, size)
    assert backbone.channels == tuple(f.shape[1] for f in features)
    assert backbone.reductions == tuple(size / f.shape[2] for f in features)
    assert backbone.signed == bool((features[-1] < 0).any())
    assert logits.shape == (2, backbone.num_classes)
    assert torch.equal(logits, backbone(images))


def test_small_net_maps_and_logits():
    backbone = create_backbone("small", 10).eval()
    features, logits = backbone.stages(torch.randn(2, 3, 32, 32))
    assert [f.shape[2] for f in features] == [15, 7, 3]
    expected = backbone.network.fc(features[-1].flatten(2).max(2).values) / 9
    torch.testing.assert_close(logits, expected)


def test_wide_resnet_shows_what_it_pools():
    backbone = create_backbone("wrn_10_1", 10).eval()
    (first, _, last), logits = backbone.stages(torch.randn(2, 3, 32, 32))
    torch.testing.assert_close(logits, backbone.network.fc(last.mean((2, 3))))
    assert first.min() < 0 <= last.min()


def test_initial_weights():
    network = build_own("resnet18_cifar", 10)
    weight = network.layer1[0].conv1.weight
    assert weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)
    scales = [m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(torch.equal(scale, torch.ones_like(scale)) for scale in scales)


@pytest.mark.parametrize(("name", "lr"), [("resnet20_cifar", 0.1), ("wrn_10_1", 0.1), ("small", 1)])
def test_learns_in_channels_last(name, lr):
    backbone = tiny(name, image_size=16).to(memory_format=torch.channels_last)
    images = torch.randn(20, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(20) % 5
    optimizer = torch.optim.SGD(backbone.parameters(), lr=lr, momentum=0.9, nesterov=True)
    for _ in range(40):
        optimizer.zero_grad()
        features, logits = backbone.stages(images)
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
    assert features[0].is_contiguous(memory_format=torch.channels_last)
    assert loss < 0.2


def test_too_small_images_are_refused():
    with pytest.raises(ValueError, match="8 pixels"):
        create_backbone("small", 10, image_size=8)
