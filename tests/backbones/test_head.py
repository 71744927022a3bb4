"""What is new where a network starts from trained weights."""

import pytest
from torch import nn

from selfdistill import Tapped, create_backbone
from selfdistill.backbones.base import classifier_parameters


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("small", {}, {"fc.weight", "fc.bias"}),
        ("wrn_16_2", {}, {"fc.weight", "fc.bias"}),
        ("resnet20_cifar", {"width": 10}, {"fc.weight", "fc.bias"}),
        ("test_resnet", {}, {"fc.weight", "fc.bias"}),
        ("test_vit", {}, {"head.weight", "head.bias"}),
    ],
)
def test_named_networks(name, options, expected):
    backbone = create_backbone(name, 10, **options)
    new = {id(parameter) for parameter in classifier_parameters(backbone)}
    assert {n for n, p in backbone.network.named_parameters() if id(p) in new} == expected


def test_a_network_of_ones_own():
    body = nn.Sequential(nn.Conv2d(3, 10, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = nn.Sequential(body, nn.Linear(10, 10))
    backbone = Tapped(network, ["0.1"], input_size=(3, 16, 16))
    assert classifier_parameters(backbone) == list(network[1].parameters())
