from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from selfdistill.data import Cutout, Flip, PadCrop
from selfdistill.data.augment.base import integers


def pixels(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8)


def test_integers_are_uniform_and_never_reach_the_count():
    drawn = integers(torch.rand(90_000), 9).bincount(minlength=9)
    assert len(drawn) == 9
    assert chisquare(drawn).pvalue > 1e-3
    edges = torch.tensor([0.0, 1 - 2**-24, 1.0])
    assert [integers(edges, n).tolist() for n in (1, 9)] == [[0, 0, 0], [0, 8, 8]]


@pytest.mark.parametrize(
    ("mode", "fill", "padding"), [("constant", 0, 4), ("constant", 128, 2), ("reflect", 0, 3)]
)
def test_pad_crop_equals_a_loop(mode, fill, padding):
    images, draws = pixels(40, 3, 7, 5), torch.rand(40, 2)
    cropped = PadCrop(padding=padding, mode=mode, fill=fill).apply(images, draws)
    options = {"constant_values": fill} if mode == "constant" else {}
    for image, draw, result in zip(images.numpy(), draws.numpy(), cropped.numpy(), strict=True):
        top, left = (int(u * np.float32(2 * padding + 1)) for u in draw)
        sides = ((0, 0), (padding, padding), (padding, padding))
        window = np.pad(image, sides, mode, **options)[:, top : top + 7, left : left + 5]
        assert np.array_equal(result, window)


def test_pad_crop_places_are_uniform_and_independent():
    marked = torch.zeros(16_200, 1, 9, 9, dtype=torch.uint8)
    marked[:, :, 4, 4] = 1
    cropped = PadCrop(padding=4).apply(marked, torch.rand(16_200, 2))
    assert chisquare(cropped.sum(0).flatten()).pvalue > 1e-3


def test_crop_and_flip_follow_pixels_not_memory_layout():
    images, draws = pixels(8, 3, 6, 6), torch.rand(8, 2)
    strided = images.contiguous(memory_format=torch.channels_last)
    for step in (PadCrop(), PadCrop(mode="reflect"), Flip()):
        assert torch.equal(
            step.apply(images, draws[:, : step.draws_per_image]),
            step.apply(strided, draws[:, : step.draws_per_image]),
        )


def test_flip_mirrors_the_rows_below_its_probability():
    images = pixels(4, 3, 2, 5)
    flipped = Flip(probability=0.25).apply(images, torch.tensor([[0.0], [0.24], [0.25], [0.99]]))
    assert torch.equal(flipped[:2], images[:2].flip(3))
    assert torch.equal(flipped[2:], images[2:])


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_flip_happens_as_often_as_asked(probability):
    images = torch.tensor([0, 1], dtype=torch.uint8).expand(10_000, 1, 1, 2)
    flipped = Flip(probability=probability).apply(images, torch.rand(10_000, 1))
    share = flipped[:, 0, 0, 0].double().mean()
    assert abs(share - probability) <= 4 * (probability * (1 - probability) / 10_000) ** 0.5


@pytest.mark.parametrize("length", [1, 4, 5, 40])
def test_cutout_blanks_a_square_clipped_at_the_border(length):
    images = torch.randn(60, 3, 8, 10).clamp(min=0.1)
    draws = torch.rand(60, 2)
    cut = Cutout(length=length).apply(images, draws)
    for image, draw, result in zip(images, draws.numpy(), cut, strict=True):
        row, column = int(draw[0] * np.float32(8)), int(draw[1] * np.float32(10))
        top, left = row - length // 2, column - length // 2
        expected = image.clone()
        expected[:, max(top, 0) : max(top + length, 0), max(left, 0) : max(left + length, 0)] = 0
        assert torch.equal(result, expected)


def test_cutout_centres_are_uniform_over_all_pixels():
    cut = Cutout(length=1).apply(torch.ones(16_000, 1, 8, 10), torch.rand(16_000, 2))
    holes = (cut == 0).sum(0).flatten()
    assert holes.sum() == 16_000
    assert chisquare(holes).pvalue > 1e-3


def test_cutout_keeps_channels_last():
    images = torch.randn(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    cut = Cutout(length=3).apply(images, torch.rand(4, 2))
    assert cut.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PadCrop(padding=-1), "padding -1"),
        (lambda: PadCrop(fill=256), "fill 256"),
        (lambda: Flip(probability=1.5), "probability 1.5"),
        (lambda: Cutout(length=0), "length 0"),
        (
            lambda: PadCrop(padding=8, mode="reflect").apply(pixels(1, 3, 8, 9), torch.rand(1, 2)),
            "8",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("kind", [Flip, PadCrop, Cutout])
def test_augmentations_are_values(kind):
    change = kind()
    assert change == kind()
    with pytest.raises(FrozenInstanceError):
        change.probability = 0.1
