"""One step in its three ways: the same numbers, on one device, without waiting for it."""

import contextlib
import copy
import subprocess
import sys

import pytest
import torch
from stand_ins import CUDA, NoReads, move_to_fake, record, to_fake
from torch._subclasses.fake_tensor import FakeTensorMode

from selfdistill.config import parse
from selfdistill.data import (
    Batches,
    ColourJitter,
    CutMix,
    Cutout,
    Flip,
    Mixup,
    PadCrop,
    Pipeline,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    StyleMixing,
)
from selfdistill.data.augment import crops
from selfdistill.methods import CrossEntropy, Method, Output
from selfdistill.testing import TinyBackbone
from selfdistill.testing.trial import BUILDS
from selfdistill.training import compiling, engine, recording
from selfdistill.training.state import TrainState
from selfdistill.training.train import train
from small_run import WORDS

USUAL = [PadCrop(), Flip()]
AUGMENT = [
    *(PadCrop(), PadCrop(mode="reflect"), Flip(), Rotation(), RandomResizedCrop()),
    *(ColourJitter(), Cutout(), RandomErasing()),
]
CYCLE = ["--schedule", "OneCycleLR", "--schedule.max-lr", "0.2", "--warmup-epochs", "0"]
SETTINGS = {
    "plain": [],
    "parts and average": ["--accumulation", "2", "--ema-decay", "0.9"],
    "adversary": ["--adversary.epsilon", "0.03", "--adversary.random-start"],
    "no momentum": ["--optimizer.momentum", "0", "--optimizer.nesterov", "false"],
    "AdamW": ["--optimizer", "AdamW", "--optimizer.lr", "0.001"],
    "rising": [*CYCLE, "--schedule.cycle-momentum", "false"],
}


class Dropping(CrossEntropy):
    """Draws random numbers in its forward pass."""

    def forward(self, images, labels):
        dropped = torch.nn.functional.dropout(images, 0.2)
        return super().forward(dropped, labels)


def build(words=(), make=CrossEntropy, *, way=False, augment=USUAL, mixing=None, precision="fp32"):
    ingredients = parse([*WORDS, "--epochs", "3", *words]).ingredients
    splits = ingredients.data.splits()
    torch.manual_seed(0)
    method = make(TinyBackbone(num_classes=10))
    batches = Batches(
        splits.train,
        pipeline=Pipeline(augment, splits.preprocessing),
        partner=method.partner,
        batch_size=16,
        seed=0,
        mixing=mixing,
    )
    fabric = engine.build(torch.device("cpu"), precision)
    sizes = {"steps": batches.steps, "images": len(batches.train)}
    return TrainState(fabric, method.train(), ingredients, **sizes, way=way), batches


def train_epochs(state, batches, count=3):
    for number in range(count):
        epoch = batches.epoch(number)
        while state.step < state.steps:
            state.train_step(epoch)
        if number + 1 < count:
            state.end_epoch()
    return state


def numbers(state):
    saved = state.state_dict()
    kept = ("method", "optimizer", "average", "sums", "memory", "epoch", "step", "loss_scale")
    return {name: saved[name] for name in kept if name in saved}


@pytest.fixture
def rehearsed(monkeypatch):
    """Steps are recorded and replayed on the processor."""
    replays = []

    def noted(work):
        replay = record(work)
        return lambda: (replays.append(None), replay())

    monkeypatch.setattr(recording, "record", noted)
    monkeypatch.setattr(recording, "on_side_stream", contextlib.nullcontext)
    monkeypatch.setattr(recording, "reads_noticed", lambda: contextlib.nullcontext([]))
    return replays


@pytest.mark.parametrize(
    ("settings", "precision"),
    [*((name, "fp32") for name in SETTINGS), ("parts and average", "fp16"), ("adversary", "fp16")],
)
def test_a_recorded_step_gives_the_numbers_of_an_eager_one(rehearsed, settings, precision):
    words = SETTINGS[settings]
    make = Dropping if settings == "plain" else CrossEntropy
    eager, batches = build(words, make, precision=precision)
    recorded, _ = build(words, make, way="graph", precision=precision)
    for state in (eager, recorded):
        train_epochs(state, batches)
    assert len(rehearsed) == 3 * batches.steps - recording.WARM_UPS
    assert recorded.way == "graph"
    expected, found = numbers(eager), numbers(recorded)
    groups = [each["optimizer"].pop("param_groups") for each in (expected, found)]
    assert [group["lr"] for group in groups[0]] == [group["lr"] for group in groups[1]]
    assert len({type(group["lr"]) for group in groups[1]} - {float}) == 0
    rtol = 1e-4 if precision == "fp32" else 1e-3
    torch.testing.assert_close(found, expected, rtol=rtol, atol=1e-5, check_dtype=False)


@pytest.mark.parametrize("make", ["DLB", "PSKD", "FRSKD", "SKDSAM"])
def test_recorded_methods_remember_and_follow_training(rehearsed, make):
    eager, batches = build(make=BUILDS[make])
    recorded, _ = build(make=BUILDS[make], way="graph")
    for state in (eager, recorded):
        train_epochs(state, batches, 2)
    expected, found = numbers(eager), numbers(recorded)
    for each in (expected, found):
        del each["optimizer"]
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=1e-3)


def test_a_recorded_run_goes_on_from_a_checkpoint(rehearsed):
    whole, batches = build(way="graph")
    train_epochs(whole, batches)
    first, _ = build(way="graph")
    train_epochs(first, batches, 2)
    first.end_epoch()
    second, _ = build(way="graph")
    second.load_state_dict(first.state_dict())
    epoch = batches.epoch(2)
    while second.step < second.steps:
        second.train_step(epoch)
    torch.testing.assert_close(numbers(second), numbers(whole), rtol=1e-6, atol=1e-7)


def test_a_step_that_reads_is_not_recorded(rehearsed, monkeypatch):
    monkeypatch.setattr(recording, "reads_noticed", lambda: contextlib.nullcontext(["a.py"]))
    state, batches = build(way="graph")
    with pytest.warns(UserWarning, match=r"no CUDA graph, .*: a step reads from the device \(a.py"):
        train_epochs(state, batches)
    assert state.way is False
    assert not rehearsed


def test_a_recording_that_fails_leaves_a_step_without(rehearsed, monkeypatch):
    def fail(work):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(recording, "record", fail)
    eager, batches = build()
    state, _ = build(way="graph")
    train_epochs(eager, batches)
    with pytest.warns(UserWarning, match="no CUDA graph, .*: operation not permitted when stream"):
        train_epochs(state, batches)
    for one, other in zip(eager.method.parameters(), state.method.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_without_cuda_a_graph_is_not_asked_for_in_silence(tmp_path, words, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda module, fullgraph: module)
    with pytest.warns(UserWarning, match="no CUDA graph, compiling instead: it takes a CUDA dev"):
        train(parse([*words, "--compile", "graph", "--out", str(tmp_path)]))
    assert "compile: graph" in (tmp_path / "recipe.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], None),
        (["--optimizer", "AdamW"], None),
        (["--optimizer.foreach", "true"], "SGD decides on the host"),
        (["--optimizer", "Adagrad"], "Adagrad decides on the host"),
        (CYCLE, "OneCycleLR changes the momentum"),
    ],
)
def test_what_cannot_be_recorded_is_known_before(words, reason):
    state, _ = build(words)
    found = compiling.why_not_recordable(state.ingredients, state.schedule)
    assert found is None if reason is None else found.startswith(reason)


def test_momentum_that_changes_without_being_recorded_would_be_noticed(rehearsed):
    words = ["--schedule", "OneCycleLR", "--schedule.max-lr", "0.2", "--warmup-epochs", "0"]
    eager, batches = build(words)
    recorded, _ = build(words, way="graph")
    for state in (eager, recorded):
        train_epochs(state, batches)
    one, other = (
        torch.cat([p.flatten() for p in s.method.parameters()]) for s in (eager, recorded)
    )
    assert (one - other).abs().max() > 1e-3  # which is why it is refused


@pytest.mark.parametrize("method", BUILDS)
def test_no_method_waits_for_the_device(method):
    state, batches = build(["--ema-decay", "0.9", "--accumulation", "2"], BUILDS[method])
    epoch = batches.epoch(0)
    state.train_step(epoch)  # an optimizer may make its state
    with NoReads():
        state.train_step(epoch)
        with pytest.raises(AssertionError, match="waits for the device"):
            int(state.metrics.bad_step)


def test_no_scaled_loss_waits_for_the_device(rehearsed):
    state, batches = build(SETTINGS["adversary"], way="graph", precision="fp16")
    epoch = batches.epoch(0)
    state.train_step(epoch)
    with NoReads():
        state.train_step(epoch)


@pytest.mark.parametrize("mixing", [None, Mixup(), CutMix(), StyleMixing()])
def test_no_augmentation_waits_for_the_device(mixing):
    state, batches = build(SETTINGS["adversary"], augment=AUGMENT, mixing=mixing)
    epoch = batches.epoch(0)
    state.train_step(epoch)
    with NoReads():
        state.train_step(epoch)


def on_cuda(state, epoch, monkeypatch):
    """The state on a CUDA device that computes nothing, and a call that takes a step of it."""
    mode, fabric, method = FakeTensorMode(), state.fabric, state.method

    def moved(value, *names):
        clone = copy.copy(value)
        for name in names:
            object.__setattr__(clone, name, to_fake(mode, getattr(value, name)))
        return clone

    epoch = moved(epoch, "order", "sources", "draws")
    object.__setattr__(epoch, "train", moved(epoch.train, "images", "labels"))
    object.__setattr__(epoch, "pipeline", moved(epoch.pipeline, "_coefficients"))
    if epoch.mixtures is not None:
        mixtures = moved(epoch.mixtures, "partners", "augmentation", "draws")
        object.__setattr__(epoch, "mixtures", mixtures)
    monkeypatch.setattr(fabric.strategy, "_root_device", CUDA)
    monkeypatch.setattr(fabric, "setup_module", lambda module, _reapply_compile: module)
    monkeypatch.setattr(fabric, "no_backward_sync", lambda *_, **__: contextlib.nullcontext())
    average = copy.deepcopy(method)  # a copy of a fake tensor has a mode of its own
    for module in (method, average):
        move_to_fake(mode, module)
    with mode, monkeypatch.context() as patched:
        patched.setattr(copy, "deepcopy", lambda _: average)
        sizes = {"steps": state.steps, "images": len(epoch.train)}
        fresh = TrainState(fabric, method, state.ingredients, **sizes)

    def backward(loss):  # torch's engine has no queue for a device that is not there
        assert loss.device == CUDA
        for parameter in method.parameters():
            parameter.grad = torch.empty_like(parameter)

    monkeypatch.setattr(fabric, "backward", backward)

    def step():
        with mode, NoReads():
            fresh.train_step(epoch)

    return fresh, step


@pytest.mark.parametrize("method", BUILDS)
def test_all_of_a_step_lies_on_the_device(method, monkeypatch):
    state, batches = build(["--ema-decay", "0.9"], BUILDS[method])
    fresh, step = on_cuda(state, batches.epoch(0), monkeypatch)
    step()
    step()
    assert fresh.metrics.bad_step.device == CUDA
    buffers = [v for s in fresh.optimizer.state.values() for v in s.values()]
    assert buffers
    assert all(value.device == CUDA for value in buffers)


def test_augmentation_lies_on_the_device(monkeypatch):
    state, batches = build(augment=AUGMENT, mixing=CutMix())
    epoch = batches.epoch(0)
    epoch.batch(0)
    _, step = on_cuda(state, epoch, monkeypatch)
    with pytest.raises(AssertionError, match="copies between"):
        step()  # the table of random resized crops, which is kept from then on

    def table(scale, ratio, height, width, dtype, device):
        return torch.zeros(crops.QUANTILES, dtype=dtype, device=device)

    monkeypatch.setattr(crops, "_on_device", table)
    step()


class OffDevice(Method):
    def forward(self, images, labels):
        logits = self.backbone(images) + torch.zeros(10)
        return Output({"labels": logits.square().mean()}, logits)


class Copying(Method):
    def forward(self, images, labels):
        logits = self.backbone(images) * torch.tensor([2.0], device=images.device)
        return Output({"labels": logits.square().mean()}, logits)


class Reading(Method):
    def forward(self, images, labels):
        logits = self.backbone(images)
        return Output({"labels": logits.square().mean() * logits.mean().item()}, logits)


FOREIGN = {
    OffDevice: "add.Tensor mixes numbers of",
    Copying: "_to_copy.default copies between",
    Reading: "_local_scalar_dense.default waits for the device",
}


@pytest.mark.parametrize("method", FOREIGN)
def test_what_does_not_belong_into_a_step_is_found(method, monkeypatch):
    state, batches = build(make=method)
    _, step = on_cuda(state, batches.epoch(0), monkeypatch)
    with pytest.raises((AssertionError, RuntimeError), match=FOREIGN[method]):
        step()


COMPILED = """
import sys, warnings
import torch
from torch._dynamo.utils import counters
from functools import partial
warnings.simplefilter("error")
torch.set_num_threads(1)
sys.path[:0] = {paths}
torch.compile = partial(torch.compile, backend={backend!r})
from test_step import *
compiled = compiling.compiled
for name in {methods}:
    make = BUILDS[name]
    torch._dynamo.reset()
    counters.clear()
    eager, batches = build(make=make)
    state, _ = build(make=make)
    engine.compute_in(state.fabric, {precision!r})
    engine.compute_in(eager.fabric, {precision!r})
    module = compiled(state.fabric, state.method, batches.epoch(0).batch(0))
    assert module is not None, name
    words = dict(steps=state.steps, images=len(batches.train), way=True, module=module)
    state = TrainState(state.fabric, state.method, state.ingredients, **words)
    for each in (eager, state):
        for _ in range(2):
            each.train_step(batches.epoch(0))
    assert counters["stats"]["unique_graphs"] == 1, (name, counters["stats"])
    one, other = numbers(eager), numbers(state)
    torch.testing.assert_close(one, other, rtol={tolerance}, atol={tolerance})
"""


@pytest.mark.parametrize(
    ("backend", "precision", "methods", "tolerance"),
    [
        ("eager", "fp32", ("CrossEntropy", "PSKD"), 1e-4),
        pytest.param("eager", "bf16", ("CrossEntropy", "PSKD"), 0.05, marks=pytest.mark.slow),
        pytest.param("aot_eager", "fp32", tuple(BUILDS), 1e-4, marks=pytest.mark.slow),
        pytest.param("aot_eager", "bf16", tuple(BUILDS), 0.05, marks=pytest.mark.slow),
        pytest.param("inductor", "fp32", ("SKDSAM",), 1e-3, marks=pytest.mark.slow),
    ],
)
def test_methods_compile_once_and_to_the_same_numbers(backend, precision, methods, tolerance):
    code = COMPILED.format(
        paths=[path for path in sys.path if "tests" in path],
        backend=backend,
        precision=precision,
        methods=methods,
        tolerance=tolerance,
    )
    subprocess.run([sys.executable, "-c", code], check=True)
