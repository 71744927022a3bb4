from functools import partial

import pytest
import torch
from scipy.stats import chisquare
from torchvision.transforms import v2

from selfdistill.data import AutoAugment, Flip, RandAugment, TrivialAugment
from selfdistill.data.augment.auto_augment import POLICIES
from selfdistill.data.augment.operations import RANDOM

ALL = [RandAugment(), TrivialAugment(), AutoAugment(), AutoAugment(policy="imagenet")]


def pixels(*shape):
    noise = torch.rand(*shape[:2], 4, 4)
    smooth = torch.nn.functional.interpolate(noise, shape[2:], mode="bilinear")
    return (40 + smooth * 160 + 20 * torch.rand(shape)).to(torch.uint8)


class Scripted:
    """Stands in for torch's random numbers, so that torchvision decides as a row says."""

    def __init__(self, monkeypatch, integers, reals):
        self.integers, self.reals = iter(integers), reals
        self.calls = 0
        monkeypatch.setattr(torch, "randint", self.randint)
        monkeypatch.setattr(torch, "rand", self.rand)
        # Ours are exact; its magnitudes in single precision change pixels that are cut to integers.
        exact = partial(torch.linspace, dtype=torch.float64)
        monkeypatch.setattr(torch, "linspace", exact)

    def randint(self, high, size):
        self.calls += 1
        return torch.tensor(int(next(self.integers) * high))

    def rand(self, size):
        return torch.tensor(self.reals[self.calls - 1])


def torchvision_says(monkeypatch, transform, image, integers, reals):
    with monkeypatch.context() as patch:
        Scripted(patch, integers, reals)
        return transform(image)


def same(result, expected):
    """Rows of a group and single images may round a pixel differently."""
    return (result.int() - expected.int()).abs().max() <= 1 and bool(
        (result == expected).double().mean() > 0.995
    )


@pytest.mark.parametrize("magnitude", [0, 9, 30])
def test_rand_augment_does_what_torchvision_does(monkeypatch, magnitude):
    images, draws = pixels(60, 3, 16, 20), torch.rand(60, 4)
    changed = RandAugment(magnitude=magnitude).apply(images, draws)
    theirs = v2.RandAugment(magnitude=magnitude)
    for image, row, result in zip(images, draws.tolist(), changed, strict=True):
        assert same(result, torchvision_says(monkeypatch, theirs, image, row[::2], row[1::2]))


def test_trivial_augment_does_what_torchvision_does(monkeypatch):
    images, draws = pixels(150, 3, 16, 20), torch.rand(150, 3)
    changed = TrivialAugment().apply(images, draws)
    theirs = v2.TrivialAugmentWide()
    for image, row, result in zip(images, draws.tolist(), changed, strict=True):
        assert same(result, torchvision_says(monkeypatch, theirs, image, row[:2], row[2:] * 2))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("real", [0.05, 0.45, 0.55, 0.85])
def test_auto_augment_does_what_torchvision_does(monkeypatch, policy, real):
    images = pixels(25, 3, 16, 20)
    draws = torch.full((25, 5), real)
    draws[:, 0] = (torch.arange(25) + 0.5) / 25
    changed = AutoAugment(policy=policy).apply(images, draws)
    theirs = v2.AutoAugment(v2.AutoAugmentPolicy(policy))
    for image, row, result in zip(images, draws.tolist(), changed, strict=True):
        assert same(result, torchvision_says(monkeypatch, theirs, image, row[:1], [real]))


@pytest.mark.parametrize("policy", POLICIES)
def test_the_pairs_are_torchvisions(policy):
    theirs = v2.AutoAugment(v2.AutoAugmentPolicy(policy))._policies
    pairs = [tuple((name, chance, level or 0) for name, chance, level in pair) for pair in theirs]
    assert list(POLICIES[policy]) == pairs


def test_each_operation_of_a_pair_has_draws_of_its_own():
    images = pixels(4, 3, 16, 16)
    # The second pair for CIFAR: Rotate 0.7 2, TranslateX 0.3 9.
    draws = torch.tensor(
        [
            [1.5 / 25, *row]
            for row in (
                (0.9, 0.9, 0.9, 0.9),
                (0.1, 0.9, 0.9, 0.9),
                (0.9, 0.9, 0.1, 0.9),
                (0.9, 0.9, 0.1, 0.1),
            )
        ]
    )
    changed = AutoAugment().apply(images, draws)
    assert torch.equal(changed[0], images[0])
    assert torch.equal(changed[1], v2.functional.rotate(images[1], 30 * 2 / 9))
    assert torch.equal(changed[2, :, :, 7:], images[2, :, :, :-7])
    assert torch.equal(changed[3, :, :, :-7], images[3, :, :, 7:])


def test_operations_are_chosen_uniformly_image_by_image(monkeypatch):
    seen = []

    def note(images, choices):
        seen.extend(choices)
        return images

    monkeypatch.setattr("selfdistill.data.augment.policies.operate", note)
    TrivialAugment().apply(pixels(7000, 3, 4, 4), torch.rand(7000, 3))
    names = [name for name, _ in seen]
    assert chisquare([names.count(name) for name in RANDOM]).pvalue > 1e-3
    turns = [strength for name, strength in seen if name == "Rotate"]
    assert abs(sum(turn > 0 for turn in turns) / len(turns) - 0.5) < 0.1
    assert len({abs(turn) for turn in turns}) == 31


def test_edges_of_the_draws_are_valid():
    images = pixels(3, 3, 8, 8)
    for step in ALL:
        for edge in (0.0, 1 - 2**-24, 1.0):
            assert (
                step.apply(images, torch.full((3, step.draws_per_image), edge)).shape
                == images.shape
            )


def test_policies_say_that_they_rotate():
    assert all(step.rotates for step in ALL)
    assert not Flip.rotates


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandAugment(operations=0), "operations 0"),
        (lambda: RandAugment(magnitude=31), "magnitude 31"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
