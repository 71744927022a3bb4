import copy

import torch
from torch import nn

from selfdistill.attachments import Frozen
from selfdistill.testing import TinyBackbone


def test_predicts_in_evaluation_mode_without_a_gradient(backbone, batch):
    images = batch[0].requires_grad_()
    frozen = nn.ModuleList([Frozen(backbone)]).train()[0]
    before = copy.deepcopy(frozen.backbone.state_dict())
    logits = frozen(images)
    assert not logits.requires_grad
    assert torch.equal(logits, backbone.eval()(images))
    assert all(torch.equal(v, before[name]) for name, v in frozen.backbone.state_dict().items())
    assert not any(parameter.requires_grad for parameter in frozen.backbone.parameters())


def test_follows_its_holder_and_is_copied_with_it(batch):
    holder = nn.ModuleList([Frozen(TinyBackbone())])
    twin = copy.deepcopy(holder).to(torch.float64)
    twin = twin.to(memory_format=torch.channels_last)
    convolution = twin[0].backbone.network.blocks[1][0]
    assert convolution.weight.is_contiguous(memory_format=torch.channels_last)
    expected = holder[0](batch[0]).double()
    torch.testing.assert_close(twin[0](batch[0].double()), expected, rtol=1e-5, atol=1e-5)
    assert holder[0].backbone.network.head.weight.dtype == torch.float32
    assert holder.to("meta")[0].backbone.network.head.weight.is_meta


def test_its_holder_does_not_know_it():
    holder = nn.ModuleList([Frozen(TinyBackbone())])
    assert not holder.state_dict()
    assert not [*holder.parameters(), *holder.buffers()]
