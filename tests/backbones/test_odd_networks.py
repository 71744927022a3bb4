"""Networks of anybody's: what wrapping and training leaves alone, takes, and refuses."""

import random
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import Tensor, nn

import selfdistill as sd
from selfdistill.backbones import Tapped
from selfdistill.backbones.probe import logits_of, probing
from selfdistill.data import ImageSet, split_in_memory
from selfdistill.evaluation import place

SIZE = (3, 16, 16)


class Net(nn.Module):
    """Two stages and a classifier; ``give`` says what comes out."""

    def __init__(self, classes=3, give=lambda net, logits, side: logits):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.fc, self.side = nn.Linear(8, classes), nn.Linear(4, classes)
        self.give = give

    def forward(self, images):
        first = self.a(images).relu()
        second = self.b(first).relu()
        logits, side = self.fc(second.mean((2, 3))), self.side(first.mean((2, 3)))
        return self.give(self, logits, side)


class Viewed(Net):
    def __init__(self, classes=3):
        super().__init__(classes)
        self.fc = nn.Linear(8 * 4 * 4, classes)

    def forward(self, images):
        return self.fc(self.b(self.a(images).relu()).view(len(images), -1))


class Restless(Net):
    """Changes all that a pass can change."""

    def __init__(self, classes=3):
        super().__init__(classes)
        self.norm, self.drop = nn.BatchNorm2d(3), nn.Dropout(0.5)
        self.b = nn.utils.parametrizations.spectral_norm(self.b)
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("late", None)
        self.passes, self.a.last = 0, None

    def forward(self, images):
        self.passes += 1
        self.a.last = images
        self.mean = 0.9 * self.mean + 0.1 * images.mean((0, 2, 3))
        self.late = torch.ones(1)
        self.seen = random.random()
        self.fc.weight.mul_(0.5)
        return super().forward(self.drop(self.norm(images)))


@dataclass
class Answer:
    logits: Tensor
    side: Tensor


def pair(net, logits, side):
    return logits, side


def pair_in_training(net, logits, side):
    return (logits, side) if net.training else logits


GIVES = {
    "a pair": (pair, True),
    "a pair in training": (pair_in_training, True),
    "a list of lists": (lambda net, logits, side: [[logits], side], True),
    "fields": (lambda net, logits, side: OrderedDict(side=side, logits=logits), False),
    "an object": (lambda net, logits, side: Answer(logits, side), False),
}


@pytest.mark.parametrize("name", GIVES)
@pytest.mark.filterwarnings("ignore:Net puts out 2 values in training mode")
def test_the_logits_are_found_in_both_modes(name):
    backbone = Tapped(Net(give=GIVES[name][0]), ["a", "b"], input_size=SIZE)
    assert backbone.num_classes == 3
    images = torch.randn(2, *SIZE)
    for mode in (True, False):
        backbone.train(mode)
        expected = logits_of(backbone.network(images))
        assert torch.equal(backbone(images), expected)
        assert torch.equal(backbone.stages(images).logits, expected)
        output = sd.CrossEntropy(backbone)(images, torch.tensor([0, 1]))
        assert torch.isfinite(output.loss)


def test_values_that_are_not_trained_are_said():
    with pytest.warns(UserWarning, match="Net puts out 2 values in training mode: the first"):
        Tapped(Net(give=pair_in_training), ["a", "b"], input_size=SIZE)


REFUSED = {
    "text": (lambda net, logits, side: "cat", "puts out str, in which no logits are found"),
    "nothing": (lambda net, logits, side: None, "puts out NoneType"),
    "no logits": (lambda net, logits, side: {"side": side}, "puts out dict"),
    "none in training": (lambda net, logits, side: None if net.training else logits, "NoneType"),
    "other classes in training": (
        lambda net, logits, side: logits[:, :2] if net.training else logits,
        r"the module puts out \(2, 2\) for two images in training mode, expected \(2, 3\)",
    ),
    "an error in training": (
        lambda net, logits, side: logits.view(1, -1) + logits if net.training else logits,
        r"Net does not take images of \(3, 16, 16\) in training mode \(RuntimeError",
    ),
    "an error": (lambda net, logits, side: net.fc(side), "Net does not take images of"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_is_refused_and_left_alone(name):
    give, message = REFUSED[name]
    module = Net(give=give)
    module.a.eval()
    with pytest.raises(ValueError, match=message):
        Tapped(module, ["a", "b"], input_size=SIZE)
    assert not any(one._forward_hooks for one in module.modules())
    assert module.training
    assert not module.a.training


def test_wrapping_leaves_no_trace():
    module = Restless().double()
    module.b.eval()
    module.a.weight.requires_grad_(False)
    torch.manual_seed(3)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    attributes = {name: dict(vars(one)) for name, one in module.named_modules()}
    Tapped(module, ["a", "b"], input_size=SIZE)
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(3)))
    after = module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(value.dtype == after[name].dtype for name, value in before.items())
    for name, one in module.named_modules():
        assert vars(one).keys() == attributes[name].keys()
        assert all(vars(one)[k] is value for k, value in attributes[name].items())
    assert [name for name, p in module.named_parameters() if not p.requires_grad] == ["a.weight"]
    assert all(parameter.grad is None for parameter in module.parameters())


def test_probing_draws_no_random_numbers_of_others():
    module = Restless()
    for training in (False, True):
        before, torch_before = random.getstate(), torch.get_rng_state()
        with probing(module, training=training):
            module(torch.randn(2, *SIZE))
        assert random.getstate() == before
        assert torch.equal(torch.get_rng_state(), torch_before)


def test_a_network_keeps_its_memory_layout():
    method = place(sd.BYOT(Tapped(Viewed(), ["a", "b"], input_size=SIZE)), torch.device("cpu"))
    network = method.backbone.network
    assert network.a.weight.is_contiguous()
    assert not network.a.weight.is_contiguous(memory_format=torch.channels_last)
    images = torch.randn(6, *SIZE).to(memory_format=torch.channels_last)
    for mode in (True, False):
        method.train(mode)
        method(images, torch.tensor([0, 1, 2] * 2)).loss.backward()
        method.inspect(images)
    named = place(sd.BYOT(sd.create_backbone("small", 3)), torch.device("cpu"))
    convolution = named.backbone.network.stem[0].weight
    assert convolution.is_contiguous(memory_format=torch.channels_last)


def test_hooks_of_others_stay_and_count():
    module, seen = Net(), []
    module.a.register_forward_hook(lambda *_: seen.append("plain"))
    module.a.register_forward_hook(lambda _m, _i, output: output + 1)
    backbone = Tapped(module, ["a", "b"], input_size=SIZE)
    images = torch.randn(2, *SIZE)
    seen.clear()
    shown = backbone.stages(images).features[0]
    assert seen == ["plain"]
    assert torch.equal(shown, nn.functional.conv2d(images, *module.a.parameters(), 2, 1) + 1)


def test_a_submodule_that_runs_twice_shows_its_last_map():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.same = nn.AvgPool2d(2), nn.Conv2d(3, 3, 3, 1, 1)
            self.fc = nn.Linear(3, 2)

        def forward(self, images):
            x = self.same(self.same(self.stem(images)))
            return self.fc(x.mean((2, 3)))

    backbone = Tapped(Twice(), ["stem", "same"], input_size=SIZE)  # no weights in the first stage
    images = torch.randn(2, *SIZE)
    module = backbone.network
    expected = module.same(module.same(module.stem(images)))
    assert torch.equal(backbone.stages(images).features[1], expected)
    sd.BYOT(backbone)(images, torch.tensor([0, 1])).loss.backward()


@pytest.fixture(scope="module")
def shades():
    labels = torch.arange(3).repeat_interleave(12)
    pixels = (
        torch.randint(60, (36, 3, 16, 16), dtype=torch.uint8) + 60 * labels[:, None, None, None]
    )
    return split_in_memory(ImageSet(pixels.to(torch.uint8), labels, ("dark", "grey", "light")))


def learn(shades, folder, network, **options):
    return sd.train(
        data=shades,
        backbone=Tapped(network, ["a", "b"], input_size=SIZE),
        method=sd.BYOT,
        out=folder / "run",
        epochs=1,
        batch_size=6,
        options={"warmup_epochs": 0, "precision": "fp32", "threads": 1, **options},
    )


@pytest.mark.filterwarnings("ignore:Net puts out 2 values in training mode")
@pytest.mark.parametrize(
    "make", [Viewed, partial(Net, give=pair_in_training), partial(Net, give=pair)]
)
def test_such_networks_train_and_classify(shades, tmp_path, make):
    network = make()
    before = network.a.weight.clone()
    run = learn(shades, tmp_path, network)
    assert torch.equal(network.a.weight, before)  # a copy is trained
    picture = shades.test.images[0].permute(1, 2, 0).numpy()
    from PIL import Image

    assert len(sd.load(run, network=make()).predict(Image.fromarray(picture))) == 3


def test_parts_that_are_frozen_stay(shades, tmp_path):
    network = Net()
    network.a.requires_grad_(False)
    trained = sd.load(learn(shades, tmp_path, network), network=Net()).network
    assert torch.equal(trained.a.weight, network.a.weight)
    assert not torch.equal(trained.b.weight, network.b.weight)


class Uncopied(Net):
    def __deepcopy__(self, memo):
        raise TypeError("cannot be copied")


def test_networks_that_training_cannot_take_are_refused(shades, tmp_path):
    with pytest.raises(
        ValueError, match=r"the network's a.weight is torch.float64: training takes"
    ):
        learn(shades, tmp_path, Net().double())
    with pytest.raises(ValueError, match="nothing can learn: every parameter is frozen"):
        sd.train(
            data=shades,
            backbone=Tapped(Net().requires_grad_(False), ["a"], input_size=SIZE),
            method="CrossEntropy",
            out=tmp_path / "frozen",
            epochs=4,
            batch_size=6,
        )
    with pytest.raises(ValueError, match="the network cannot be copied"):
        learn(shades, tmp_path, Uncopied())
