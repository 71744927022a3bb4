"""In a process of its own: the runtime type checker of the tests would break the graph."""

import subprocess
import sys

import pytest

SETUP = """
import torch
from torch import nn
from selfdistill.backbones import Tapped, create_backbone

torch.set_num_threads(1)

class Sum(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, images):
        features, logits = self.backbone.stages(images)
        return sum(f.square().mean() for f in features) + logits.square().mean()

def tapped():
    network = create_backbone("wrn_10_1", 5).network
    return Tapped(network, ["layer1", "layer3"], input_size=(3, 32, 32))

def check(backbone):
    module = Sum(backbone)
    images = torch.randn(2, *backbone.input_size)
    results = []
    for call in (module, torch.compile(module, backend="eager", fullgraph=True)):
        module.zero_grad()
        loss = call(images)
        loss.backward()
        results.append((loss.detach(), [p.grad for p in module.parameters()]))
    torch.testing.assert_close(*results)
"""

CHECKS = """
check(tapped())
check(create_backbone("wrn_10_1", 5))
check(create_backbone("resnet18_cifar", 5, width=4))
check(create_backbone("small", 5, width=4))
check(create_backbone("test_resnet", 5, image_size=64))
backbone = tapped().eval()
images = torch.randn(2, 3, 32, 32)
compiled = torch.compile(backbone, backend="eager", fullgraph=True)
torch.testing.assert_close(compiled(images), backbone(images))
"""


@pytest.mark.slow
def test_stages_compile_into_one_graph():
    command = [sys.executable, "-c", SETUP + CHECKS]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
