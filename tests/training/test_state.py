"""One step, its parts, and what is kept of it."""

import copy
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric

from selfdistill.config import parse
from selfdistill.data import Batches, Pipeline
from selfdistill.methods import CrossEntropy, Method, Output
from selfdistill.testing import TinyBackbone
from selfdistill.training import compiling, engine, loop, train
from selfdistill.training.building import build_method
from selfdistill.training.state import TrainState
from small_run import WORDS


def build(words=(), method=None, rank=0, processes=1):
    recipe = parse([*WORDS, *words]).ingredients
    splits = recipe.data.splits()
    fabric = engine.build(torch.device("cpu"), "fp32")
    torch.manual_seed(0)
    method = method or CrossEntropy(without_normalisation(TinyBackbone(num_classes=10)))
    batches = Batches(
        splits.train,
        pipeline=Pipeline(recipe.augment, splits.preprocessing),
        partner=method.partner,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )
    sizes = {"steps": batches.steps, "images": len(batches.train)}
    if processes > 1:
        fabric = Rank(fabric, rank, processes)
    return TrainState(fabric, method, recipe, **sizes), batches


def without_normalisation(backbone):
    for block in backbone.network.blocks:
        block[1] = torch.nn.Identity()
    return backbone


def test_a_batch_in_parts_is_the_same_step(words):
    whole, batches = build()
    parts, _ = build(["--accumulation", "4"])
    for state in (whole, parts):
        epoch = batches.epoch(0)
        state.train_step(epoch)
        state.train_step(epoch)
    for one, other in zip(whole.method.parameters(), parts.method.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(whole.metrics.sums, parts.metrics.sums)


def test_a_batch_that_does_not_divide_is_refused():
    state, batches = build(["--accumulation", "3"])
    with pytest.raises(ValueError, match="multiple of 3"):
        state.train_step(batches.epoch(0))


def test_the_average_covers_weights_and_buffers():
    state, batches = build(["--ema-decay", "0.75"], CrossEntropy(TinyBackbone(num_classes=10)))
    epoch, naive = batches.epoch(0), None
    for step in range(3):
        state.train_step(epoch)
        now = copy.deepcopy(state.method.state_dict())
        if naive is None:
            naive = now
        else:
            share = (1 + step) ** (-2 / 3)  # above 0.25: the average still begins
            naive = {name: naive[name] + share * (now[name] - naive[name]) for name in now}
    average = state.evaluated.state_dict()
    assert state.evaluated is not state.method
    for name, value in average.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, naive[name])
    assert any("running_mean" in name for name in average)


def test_without_an_average_the_method_itself_counts():
    state, _ = build()
    assert state.evaluated is state.method


class Noisy(Method):
    """Depends on the global generator, as dropout does."""

    def forward(self, images, labels):
        logits = self.backbone(images) + torch.rand(len(images), 10)
        return Output({"labels": logits.square().mean()}, logits)


def test_randomness_inside_the_network_depends_on_the_step_alone():
    losses = []
    for disturb in (0, 7):
        torch.manual_seed(0)
        state, batches = build(method=Noisy(TinyBackbone(num_classes=10)))
        torch.rand(disturb)
        state.train_step(batches.epoch(0))
        torch.rand(disturb)
        state.train_step(batches.epoch(0))
        losses.append(float(state.metrics.sums["labels"]))
    assert losses[0] == losses[1]


class Remembering(Method):
    """Keeps something for every training image, and looks at progress."""

    needs_context = True

    def __init__(self, backbone):
        super().__init__(backbone)
        self.register_buffer("memory", torch.zeros(50))
        self.seen = []

    def forward(self, images, labels, *, context):
        logits = self.backbone(images)
        self.memory[context.indices] = logits.detach().mean(1)
        self.seen.append((int(context.epoch), float(context.progress)))
        loss = logits.square().mean() * (1 + context.progress)
        return Output({"labels": loss}, logits)


def test_a_method_gets_the_context_it_asks_for():
    method = Remembering(TinyBackbone(num_classes=10))
    state, batches = build(method=method)
    for number in range(3):
        epoch = batches.epoch(number)
        while state.step < state.steps:
            state.train_step(epoch)
        state.end_epoch()
    assert method.seen[0] == (0, 0.0)
    assert method.seen[-1] == (2, pytest.approx(1 - 1 / 9))
    assert (method.memory != 0).sum() > 40
    assert "memory" in state.state_dict()["method"]


class Rank(Fabric):
    """Fabric as one of several processes sees it, without the others."""

    global_rank = world_size = None  # no properties of the strategy

    def __init__(self, fabric, rank, count):
        vars(self).update(vars(fabric))
        self.global_rank, self.world_size = rank, count


class Watching(Method):
    """Notes which images it sees, and the random numbers there are."""

    needs_context = True

    def __init__(self, backbone):
        super().__init__(backbone)
        self.images, self.draws = [], []

    def forward(self, images, labels, *, context):
        self.images += context.indices.tolist()
        self.draws.append(float(torch.rand(())))
        logits = self.backbone(images)
        return Output({"labels": logits.square().mean()}, logits)


def test_processes_share_a_batch_and_draw_their_own_numbers():
    methods = [Watching(TinyBackbone(num_classes=10)) for _ in range(2)]
    for rank, method in enumerate(methods):
        state, batches = build(["--accumulation", "2"], method, rank, 2)
        epoch = batches.epoch(0)
        state.train_step(epoch)
    shown = [image for method in methods for image in method.images]
    assert shown == epoch.batch(0).indices.tolist()
    assert len({draw for method in methods for draw in method.draws}) == 4


@pytest.mark.parametrize("schedule", ["CosineAnnealingLR", "OneCycleLR"])
def test_a_checkpoint_holds_all_of_a_state(schedule):
    words = ["--ema-decay", "0.5", "--schedule", schedule, "--warmup-epochs", "0"]
    words += ["--schedule.max-lr", "0.1"] if schedule == "OneCycleLR" else []
    state, batches = build(words)
    other, _ = build(words)
    for number in range(5):
        if number == 4:
            other.load_state_dict(copy.deepcopy(state.state_dict()))
        for each in (state, other) if number == 4 else (state,):
            each.train_step(batches.epoch(each.epoch))
            if each.step == each.steps:
                each.end_epoch()
    one, two = state.state_dict(), other.state_dict()
    for clock in ("seconds", "training_seconds"):
        del one[clock], two[clock]
    assert one.pop("schedule") == two.pop("schedule")
    torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert other.learning_rate == state.learning_rate


def test_a_checkpoint_knows_the_seconds():
    state, _ = build()
    state.clock.seconds, state.clock.training_seconds = 50.0, 40.0
    other, _ = build()
    other.load_state_dict(state.state_dict())
    assert (other.clock.seconds, other.clock.training_seconds) == (50.0, 40.0)


class Knowing(Method):
    """Knows every label."""

    def forward(self, images, labels):
        logits = torch.nn.functional.one_hot(labels, 10).float()
        return Output({"labels": self.backbone(images).square().mean()}, logits)


@pytest.mark.parametrize(("processes", "parts"), [(1, 1), (1, 2), (2, 2)])
def test_accuracy_is_a_share_of_what_was_seen(processes, parts):
    words = ["--accumulation", str(parts)]
    state, batches = build(words, Knowing(TinyBackbone(num_classes=10)), 0, processes)
    epoch = batches.epoch(0)
    while state.step < state.steps:
        state.train_step(epoch)
    line = loop._means(state, batches.batch_size)
    assert line["train_accuracy"] == 100
    assert line["loss"] == pytest.approx(sum(line["terms"].values()))


def identity(module, fullgraph):
    return module


@pytest.mark.parametrize("method", [CrossEntropy, Remembering])
def test_compiling_leaves_the_method_as_it_was(monkeypatch, method):
    method = method(TinyBackbone(num_classes=10))
    state, batches = build(method=method)
    before = copy.deepcopy(method.state_dict())
    monkeypatch.setattr(torch, "compile", identity)
    assert compiling.compiled(state.fabric, method, batches.epoch(0).batch(0, parts=2))
    torch.testing.assert_close(method.state_dict(), before, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in method.parameters())


def test_the_reason_for_not_compiling_is_more_than_a_headline(monkeypatch):
    def refuse(module, fullgraph):
        text = "Observed exception\n  Explanation: None caught it.\n  Hint: Try.\n\n"
        raise RuntimeError(f"{text}  Developer debug context: raised TypeError('context')\n")

    monkeypatch.setattr(torch, "compile", refuse)
    state, batches = build()
    reason = r"eagerly: Observed exception: None caught it.: raised TypeError\('context'\)$"
    with pytest.warns(UserWarning, match=reason):
        compiling.compiled(state.fabric, state.method, batches.epoch(0).batch(0))


def test_what_does_not_compile_trains_eagerly_and_says_so(monkeypatch, tmp_path, words):
    def refuse(module, fullgraph):
        def call(*batch):
            raise RuntimeError("no compiler here\nand more")

        return call

    monkeypatch.setattr(torch, "compile", refuse)
    words = [*words, "--compile", "--epochs", "2", "--out", str(tmp_path)]
    with pytest.warns(UserWarning, match="training eagerly: no compiler here$"):
        train(parse(words))
    assert (tmp_path / "summary.json").exists()


def test_an_adversary_changes_the_images_that_are_trained_on():
    seen = []

    class Watching(CrossEntropy):
        def forward(self, images, labels):
            seen.append(images.detach().clone())
            return super().forward(images, labels)

    words = ["--adversary.epsilon", "0.1", "--adversary.step-size", "0.1"]
    state, batches = build(words, Watching(TinyBackbone(num_classes=10)))
    epoch = batches.epoch(0)
    plain = epoch.batch(0).images
    state.train_step(epoch)
    attacked, trained = seen
    torch.testing.assert_close(attacked, plain, rtol=0, atol=0)
    std = torch.tensor(epoch.pipeline.preprocessing.std)[:, None, None]
    change = (trained - plain).abs() * std
    assert change.max() <= 0.1 + 1e-6
    assert change.mean() > 0.01


def test_a_method_that_rotates_refuses_rotations(words, tmp_path):
    words = [*words, "--method", "SLASD", "--out", str(tmp_path)]
    with pytest.raises(ValueError, match="SLASD tells an image's rotations apart, and Rotation"):
        train(parse([*words, "--augment", '[{"class_path": "Rotation"}]']))


@pytest.mark.parametrize("name", ["Mixup", "CutMix", "StyleMixing"])
def test_mixing_trains(name, words, tmp_path):
    path = train(parse([*words, "--epochs", "2", "--mixing", name, "--out", str(tmp_path)]))
    assert (path / "summary.json").exists()


def test_an_adversary_that_would_disturb_a_methods_memory_is_refused():
    ingredients = parse([*WORDS, "--adversary.epsilon", "0.1"]).ingredients
    remembering = replace(ingredients, method=Remembering)
    with pytest.raises(ValueError, match="Remembering cannot be trained against an adversary"):
        build_method(remembering, ingredients.data.splits())


def test_an_adversarys_start_belongs_to_image_and_epoch(monkeypatch):
    starts = []

    def pgd(method, images, labels, adversary, preprocessing, *, random, scaled):
        starts.append(random)
        return images

    monkeypatch.setattr("selfdistill.training.adversarial.pgd", pgd)
    words = ["--adversary.epsilon", "0.1", "--adversary.random-start", "true"]
    state, batches = build(words)
    epoch = batches.epoch(0)
    state.train_step(epoch)
    in_parts, _ = build([*words, "--accumulation", "4"])
    in_parts.train_step(epoch)
    whole, *parts = starts
    assert torch.equal(torch.cat(parts), whole)
    state.epoch, state.step = 1, 0
    state.train_step(epoch)
    assert not torch.equal(starts[-1], whole)
