"""A step that is not finite leaves no trace."""

import copy

import pytest
import torch
from spoiling import spoil
from test_trainee import build

from selfdistill.methods import Method, Output
from selfdistill.testing import TinyBackbone
from selfdistill.training.guard import Kept, are_finite, contagious

BAD = (torch.nan, torch.inf, -torch.inf)


class Faulty(Method):
    """Has batch statistics and a memory, and goes wrong when told."""

    def __init__(self):
        super().__init__(TinyBackbone(num_classes=10))
        self.register_buffer("memory", torch.zeros(10))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.fault = None

    def forward(self, images, labels):
        logits = self.backbone(images)
        terms = {"labels": torch.nn.functional.cross_entropy(logits, labels)}
        if self.fault:
            terms = spoil(terms, self, self.fault)
        self.memory = self.memory + terms["labels"].detach() * logits.detach().mean(0)
        self.calls += 1
        return Output(terms, logits)


def state(trainee):
    values = copy.deepcopy({k: v for k, v in trainee.state().items() if "seconds" not in k})
    values["sums"] = {name: value for name, value in values["sums"].items() if value != 0}
    return values


def train(optimizer, bad, fault, *, asks=True, skip=False):
    """Three steps, one of them bad, or not taken at all."""
    torch.manual_seed(0)
    trainee, batches = build(["--optimizer", optimizer, "--ema-decay", "0.5"], Faulty())
    trainee._update.asks = asks
    epoch, trainee.steps, states = batches.epoch(0), 3, []
    for number in range(3):
        trainee.method.fault = fault if number == bad else None
        if number == bad and skip:
            trainee.step += 1
        else:
            trainee.train_step(epoch)
        states.append(state(trainee))
    return trainee, states


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize(
    ("optimizer", "bad", "fault"),
    [("SGD", 0, "gradient"), ("SGD", 2, "loss"), ("AdamW", 0, "loss"), ("AdamW", 1, "gradient")],
)
def test_a_bad_step_is_as_one_not_taken(monkeypatch, optimizer, bad, fault, asks):
    undone, undo = [], Kept.put_back_unless
    monkeypatch.setattr(
        Kept, "put_back_unless", lambda self, finite: undone.append(finite) or undo(self, finite)
    )
    trainee, states = train(optimizer, bad, fault, asks=asks)
    if asks:
        assert not undone
    else:  # buffers, and all else; the first step of an optimizer is asked about
        made = 2 if bad == 0 else 1
        assert len(undone) == 2 * (3 - made)
    _, expected = train(optimizer, bad, None, skip=True)
    for found, right in zip(states, expected, strict=True):
        torch.testing.assert_close(found, right, rtol=0, atol=0)
    assert int(trainee.tally.skipped) == 1
    assert int(trainee.tally.first_skipped) == bad + 1
    own = trainee.tally.first_terms["labels"]
    assert bool(own.isfinite()) == (fault == "gradient")


def test_the_control_a_good_step_is_not():
    _, states = train("SGD", None, None)
    _, others = train("SGD", 1, None, skip=True)
    assert not torch.equal(states[1]["method"]["memory"], others[1]["method"]["memory"])


def test_only_the_first_bad_step_is_reported():
    trainee, batches = build(method=Faulty())
    epoch = batches.epoch(0)
    for trainee.method.fault in (None, "gradient", "loss"):
        trainee.train_step(epoch)
    assert int(trainee.tally.skipped) == 2
    assert int(trainee.tally.first_skipped) == 2
    assert trainee.tally.first_terms["labels"].isfinite()
    assert trainee.tally.sums["labels"].isfinite()


@pytest.mark.parametrize("bad", BAD)
def test_the_device_chooses_between_now_and_before(bad):
    types = (torch.float32, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool)
    tensors = [torch.arange(6).reshape(2, 3).to(dtype) for dtype in types]
    tensors.append(torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last))
    tensors.append(torch.tensor(7.0))
    before = [tensor.clone() for tensor in tensors]
    kept = Kept(lambda: tensors)
    for tensor in tensors:
        tensor.fill_(bad if tensor.is_floating_point() else 1)
    changed = [tensor.clone() for tensor in tensors]
    kept.put_back_unless(torch.tensor(True))
    torch.testing.assert_close(tensors, changed, rtol=0, atol=0, equal_nan=True)
    kept.put_back_unless(torch.tensor(False))
    torch.testing.assert_close(tensors, before, rtol=0, atol=0)


def test_a_loss_that_is_not_finite_has_no_finite_gradient():
    weight = torch.ones(3, requires_grad=True)
    for bad in BAD:
        loss = weight.square().sum() + bad
        (plain,) = torch.autograd.grad(loss, weight, retain_graph=True)
        assert are_finite([plain])
        (shared,) = torch.autograd.grad(contagious(loss), weight)
        assert not are_finite([plain, shared])
    loss = (weight * 0.1).exp().sum()
    one, other = (
        torch.autograd.grad(f(loss), weight, retain_graph=True) for f in (contagious, abs)
    )
    assert torch.equal(one[0], other[0])
