"""A compiled method is used only where its loss and gradients are those of the eager one."""

import pytest
import torch
from lightning_fabric import Fabric

from selfdistill.data import Batch
from selfdistill.methods import CrossEntropy
from selfdistill.testing import TinyBackbone
from selfdistill.training import compiling


def compile_to(monkeypatch, spoil):
    """Let the compiler return a method whose loss is spoilt."""

    class Compiled(torch.nn.Module):
        def __init__(self, method, fullgraph):
            super().__init__()
            self.method = method

        def forward(self, images, labels):
            output = self.method(images, labels)
            return output._replace(terms={"labels": spoil(output.loss)})

    monkeypatch.setattr(torch, "compile", Compiled)


class Spoilt(torch.autograd.Function):
    """The right loss, with other gradients."""

    @staticmethod
    def forward(ctx, loss, factor):
        ctx.factor = factor
        return loss.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.factor, None


SPOILT = {
    "nan": (lambda loss: Spoilt.apply(loss, float("nan")), "gradient of backbone"),
    "halved": (lambda loss: Spoilt.apply(loss, 0.5), "gradient of backbone"),
    "zero": (lambda loss: Spoilt.apply(loss, 0.0), "gradient of backbone"),
    "loss": (lambda loss: loss + 1, "loss"),
}


def batch():
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(8, 3, 32, 32, generator=draws)
    return Batch(images, torch.arange(8) % 3, torch.arange(8))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("fault", SPOILT)
def test_a_compiler_that_is_wrong_is_not_used(monkeypatch, fault, precision):
    torch.manual_seed(0)
    method = CrossEntropy(TinyBackbone(num_classes=3)).train()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    spoil, what = SPOILT[fault]
    compile_to(monkeypatch, spoil)
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    with pytest.warns(UserWarning, match=f"not compiled, training eagerly: the compiler's {what}"):
        assert not compiling.compiled(fabric, method, batch())
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(p.grad is None for p in method.parameters())
    compile_to(monkeypatch, lambda loss: loss * (1 + 1e-6))
    assert compiling.compiled(fabric, method, batch())
