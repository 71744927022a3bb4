import subprocess
import sys

import pytest
import torch

from selfdistill.backbones import Architecture, backbone_names, create_backbone


@pytest.mark.parametrize(
    ("name", "canonical", "arguments"),
    [
        ("resnet20_cifar", "resnet20_cifar", {}),
        ("ResNet20-CIFAR", "resnet20_cifar", {"width": 8, "in_chans": 1}),
        ("WRN-10-1", "wrn_10_1", {"image_size": 16}),
        ("Small", "small", {"width": 8}),
        ("Test-ResNet.r160_in1k", "test_resnet.r160_in1k", {"image_size": 64, "in_chans": 1}),
    ],
)
def test_architecture_rebuilds(name, canonical, arguments):
    backbone = create_backbone(name, 5, **arguments)
    assert backbone.architecture == Architecture(canonical, arguments)
    architecture = backbone.architecture
    again = create_backbone(architecture.name, 5, **architecture.arguments)
    assert again.architecture == architecture
    assert again.input_size == backbone.input_size
    again.network.load_state_dict(backbone.network.state_dict())
    images = torch.randn(2, *backbone.input_size)
    torch.testing.assert_close(again.eval()(images), backbone.eval()(images))


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("resnet18_cifra", "resnet18_cifar"),
        ("resnt18", "resnet18"),
        ("resnet18.a1_in1", "resnet18.a1_in1k"),
        ("wrn_17_2", "16, 22"),
        ("smal", "small"),
        ("§", "backbone_names"),
    ],
)
def test_unknown_name(name, nearest):
    with pytest.raises(ValueError, match=nearest):
        create_backbone(name, 10)


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("small", {"pretrained": True}, "no pretrained weights"),
        ("resnet18", {"width": 32}, "no width"),
        ("wrn_16_2", {"width": 32}, "no width"),
        ("small", {"width": 0}, "width is 0"),
        ("small", {"in_chans": 0}, "in_chans is 0"),
    ],
)
def test_unsuitable_argument(name, arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        create_backbone(name, 10, **arguments)


def test_names():
    names = backbone_names()
    assert {"resnet18_cifar", "wrn_28_10", "small", "resnet18"} <= set(names)
    assert backbone_names("ResNet??-cifar") == [n for n in names if n.endswith("_cifar")]
    assert "resnet18.a1_in1k" in backbone_names("resnet18*", pretrained=True)
    assert "small" not in backbone_names(pretrained=True)


def test_the_room_opens_without_timm():
    code = "import sys, selfdistill.backbones; print({'timm', 'torchvision'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_counts_of_numpy_can_be_written_down():
    code = (
        "import json, numpy as np, selfdistill as sd\n"
        "options = dict(width=np.int32(8), in_chans=np.int64(1), image_size=np.int16(16))\n"
        "named = sd.create_backbone('small', np.int64(5), **options)\n"
        "arguments = named.architecture.arguments\n"
        "print(json.dumps([named.num_classes, *named.input_size, arguments]))\n"
        "tapped = sd.Tapped(named.network, ['group3'], input_size=np.array([1, 16, 16]))\n"
        "print(json.dumps([tapped.num_classes, *tapped.input_size]))"
    )  # in a process of its own: the tests' type checker takes no numbers of numpy
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        '[5, 1, 16, 16, {"in_chans": 1, "width": 8, "image_size": 16}]',
        "[5, 1, 16, 16]",
    ]
