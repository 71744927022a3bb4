"""Training in fp16: the loss is scaled, and a step whose gradients overflow is left out."""

import io
import json
import os
import signal

import pytest
import torch
from safetensors.torch import load_file
from test_step import CrossEntropy, build, numbers, train_epochs

from selfdistill.config import parse
from selfdistill.config.schema import Adversary
from selfdistill.data import Preprocessing
from selfdistill.failures import NonFinite, Stopped
from selfdistill.methods import Output
from selfdistill.testing.trial import BUILDS
from selfdistill.training import loss_scale, train
from selfdistill.training.adversarial import pgd
from selfdistill.training.loop import check_finite
from selfdistill.training.state import TrainState
from small_run import WORDS


def at_scale(scale, make=CrossEntropy):
    state, batches = build(make=make, precision="fp16")
    saved = state.loss_scale.state_dict() | {"scale": float(scale)}
    state.loss_scale.load_state_dict(saved)
    return state, batches.epoch(0)


def parameters(state):
    return torch.cat([p.detach().flatten() for p in state.method.parameters()])


def scale_of(state):
    return state.loss_scale.state_dict()["scale"]


QUICK = ("CrossEntropy", "SKDSAM", "FRSKD")
EACH = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in BUILDS]


@pytest.mark.parametrize("method", EACH)
def test_methods_train_as_in_single_precision(method):
    halved, epoch = at_scale(2**10, BUILDS[method])
    single, _ = build(make=BUILDS[method])
    start = parameters(single)
    for state in (halved, single):
        state.train_step(epoch)
    check_finite(halved)
    assert scale_of(halved) == 2**10
    way = parameters(single) - start
    assert (parameters(halved) - parameters(single)).norm() < 0.2 * way.norm()


def test_small_gradients_are_not_lost():
    class Faint(CrossEntropy):
        def forward(self, images, labels):
            output = super().forward(images, labels)
            return Output({"labels": output.terms["labels"] * 1e-7}, output.logits)

    moved = []
    for scale in (1, 2**16):
        state, epoch = at_scale(scale, Faint)
        before = [p.clone() for p in state.method.backbone.network.blocks.parameters()]
        state.optimizer.param_groups[0] |= {"lr": 1e6, "weight_decay": 0.0}
        state.train_step(epoch)
        after = state.method.backbone.network.blocks.parameters()
        moved.append(sum(int((p != b).sum()) for p, b in zip(after, before, strict=True)))
    assert moved[0] < moved[1] / 2


def test_a_step_that_overflows_is_left_out_and_halves_the_scale():
    state, epoch = at_scale(2.0**60)
    before = parameters(state)
    state.train_step(epoch)
    assert torch.equal(parameters(state), before)
    assert scale_of(state) == 2.0**59
    check_finite(state)
    state.loss_scale.load_state_dict(state.loss_scale.state_dict() | {"scale": 256.0})
    state.train_step(epoch)
    assert not torch.equal(parameters(state), before)


def test_gradients_that_are_finite_at_no_scale_end_the_run():
    class Endless(CrossEntropy):
        def forward(self, images, labels):
            output = super().forward(images, labels)
            term = output.terms["labels"] + (0 * next(self.parameters()).sum()).sqrt()
            return output._replace(terms={"labels": term})

    state, epoch = at_scale(2, Endless)
    before = parameters(state)
    state.train_step(epoch)
    check_finite(state)
    state.train_step(epoch)
    with pytest.raises(NonFinite, match="gradient is not finite in epoch 1, step 2"):
        check_finite(state)
    assert torch.equal(parameters(state), before)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_loss_that_is_not_finite_ends_the_run_at_once(bad):
    class Bad(CrossEntropy):
        def forward(self, images, labels):
            output = super().forward(images, labels)
            return output._replace(terms={"labels": output.terms["labels"] + bad})

    state, epoch = at_scale(2**16, Bad)
    state.train_step(epoch)
    with pytest.raises(NonFinite, match=r"loss is not finite \(labels\) in epoch 1, step 1"):
        check_finite(state)


def test_processes_agree_on_a_loss_that_is_not_finite(monkeypatch):
    state, epoch = at_scale(2.0**60)

    def of_another(sound, op):
        assert op == loss_scale.distributed.ReduceOp.MIN
        sound.zero_()

    monkeypatch.setattr(loss_scale.distributed, "all_reduce", of_another)
    monkeypatch.setattr(type(state.fabric), "world_size", 2)
    monkeypatch.setattr(type(state.fabric), "global_rank", 0)
    state.train_step(epoch)
    assert int(state.metrics.bad_step) == 1


def test_an_adversary_finds_its_way_where_gradients_are_small(backbone):
    class Faint(CrossEntropy):
        def forward(self, images, labels):
            output = super().forward(images, labels)
            return Output({"labels": output.terms["labels"] * 1e-6}, output.logits)

    method, images = Faint(backbone), torch.rand(6, 3, 16, 16)
    labels, seen = torch.arange(6) % 5, Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3)
    adversary = Adversary(epsilon=0.03, step_size=0.03)
    exact = pgd(method, images, labels, adversary, seen)
    with torch.autocast("cpu", torch.float16):
        lost = pgd(method, images, labels, adversary, seen)
        kept = pgd(method, images, labels, adversary, seen, scaled=lambda loss: loss * 2**16)
    agreements = [(changed == exact).float().mean() for changed in (lost, kept)]
    assert agreements[0] < 0.5 < 0.9 < agreements[1]


def test_a_checkpoint_goes_on_bit_for_bit():
    whole, batches = build(precision="fp16")
    whole.loss_scale.load_state_dict(whole.loss_scale.state_dict() | {"scale": 2.0**40})
    stopped = None
    for number in range(3):
        epoch = batches.epoch(number)
        while whole.step < whole.steps:
            whole.train_step(epoch)
            if (number, whole.step) == (1, 1):
                file = io.BytesIO()
                torch.save(whole.state_dict(), file)
                stopped = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
        whole.end_epoch()
    again, _ = build(precision="fp16")
    again.load_state_dict(stopped)
    assert scale_of(again) < 2.0**40
    for number in (1, 2):
        epoch = batches.epoch(number)
        while again.step < again.steps:
            again.train_step(epoch)
        again.end_epoch()
    torch.testing.assert_close(numbers(again), numbers(whole), rtol=0, atol=0)


def test_training_ends_as_well_as_in_single_precision():
    words = ["--epochs", "30", "--optimizer.lr", "0.2", "--optimizer.weight-decay", "0"]
    last = {}
    for precision in ("fp32", "fp16"):
        state, batches = build(words, augment=[], precision=precision)
        last[precision] = train_epochs(state, batches, 30).metrics.sums
    assert last["fp32"]["hits"] > 24  # of 48
    assert abs(last["fp16"]["hits"] - last["fp32"]["hits"]) <= 4
    assert float(last["fp16"]["labels"]) == pytest.approx(float(last["fp32"]["labels"]), rel=0.1)


def test_a_run_that_is_stopped_goes_on_exactly(tmp_path, monkeypatch):
    words = [*WORDS, "--method", "CrossEntropy", "--epochs", "2", "--data.train-per-class", "2"]
    words += ["--backbone.width", "4", "--batch-size", "5", "--precision", "fp16"]
    step = TrainState.train_step

    def interrupted(self, epoch):
        step(self, epoch)
        if self.steps_done == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    whole, stopped = ([*words, "--out", str(tmp_path / name)] for name in ("whole", "stopped"))
    train(parse(whole))
    with monkeypatch.context() as patched:
        patched.setattr(TrainState, "train_step", interrupted)
        with pytest.raises(Stopped):
            train(parse(stopped))
    train(parse(stopped))
    one, other = (load_file(tmp_path / n / "model/model.safetensors") for n in ("whole", "stopped"))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    summary = json.loads((tmp_path / "stopped" / "summary.json").read_text())
    assert summary["recipe"]["precision"] == "fp16"


def test_other_formats_have_no_scale():
    state, batches = build()
    train_epochs(state, batches, 1)
    assert "loss_scale" not in state.state_dict()
