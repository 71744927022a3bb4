import math

import pytest
import torch
from scipy.stats import chisquare, kstest
from torchvision.transforms.v2 import functional

from selfdistill.data import ColourJitter, RandomErasing, Rotation


def pixels(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8)


@pytest.mark.parametrize(
    "step",
    [
        Rotation(degrees=0.0),
        ColourJitter(brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0),
        ColourJitter(brightness=0.0, contrast=0.0, saturation=0.0, hue=0.5),
        RandomErasing(probability=0.0),
    ],
)
def test_nothing_changes_at_no_strength(step):
    images = torch.randn(20, 3, 12, 8) if step.standardised else pixels(20, 3, 12, 8)
    assert torch.equal(step.apply(images, torch.full((20, step.draws_per_image), 0.5)), images)


@pytest.mark.parametrize("size", [(16, 16), (12, 20), (15, 9)])
def test_rotation_turns_as_torchvision_does(size):
    images, draws = pixels(6, 3, *size), torch.rand(6, 1)
    turned = Rotation(degrees=40.0).apply(images, draws)
    for image, draw, result in zip(images, draws, turned, strict=True):
        angle = (2 * float(draw) - 1) * 40
        expected = functional.rotate(image, angle, functional.InterpolationMode.BILINEAR)
        assert (result.int() - expected.int()).abs().max() <= 1
        assert (result == expected).double().mean() > 0.99


def test_colours_change_as_torchvision_changes_them():
    images = torch.cat((pixels(8, 3, 10, 6), pixels(4, 1, 10, 6).expand(-1, 3, -1, -1)))
    draws = torch.rand(12, 4)
    strengths = {"brightness": 0.4, "contrast": 0.5, "saturation": 1.5, "hue": 0.3}
    changed = ColourJitter(**strengths).apply(images, draws)
    limits = [(0.6, 1.4), (0.5, 1.5), (0, 2.5), (-0.3, 0.3)]
    for image, row, result in zip(images, draws.tolist(), changed, strict=True):
        factors = [low + u * (high - low) for u, (low, high) in zip(row, limits, strict=True)]
        expected = image.float() / 255
        for change, factor in zip(
            (
                functional.adjust_brightness,
                functional.adjust_contrast,
                functional.adjust_saturation,
                functional.adjust_hue,
            ),
            factors,
            strict=True,
        ):
            expected = change(expected, factor)
        assert (result / 255 - expected).abs().max() < 0.51 / 255


def holes(erased):
    gone = (erased == 0).all(1)
    return gone, gone.any(2).sum(1), gone.any(1).sum(1)


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("two_threads")
def test_colours_of_a_large_image_depend_on_no_other_however_many_threads():
    images, draws = pixels(8, 3, 256, 256), torch.rand(8, 4)
    step = ColourJitter()
    whole = step.apply(images, draws)
    for i in range(8):
        assert torch.equal(step.apply(images[i : i + 1], draws[i : i + 1])[0], whole[i])


def test_erasing_blanks_one_rectangle_of_the_asked_size():
    height, width, count = 60, 40, 4000
    step = RandomErasing(probability=0.3)
    gone, tall, wide = holes(step.apply(torch.ones(count, 1, height, width), torch.rand(count, 5)))
    hit = tall > 0
    assert abs(hit.double().mean() - 0.3) < 4 * math.sqrt(0.21 / count)
    assert torch.equal(gone.sum((1, 2)), tall * wide)
    share = (tall * wide)[hit] / (height * width)
    assert kstest(share, "uniform", (0.02, 0.38)).pvalue > 1e-3
    aspect = tall[hit] / wide[hit]
    assert aspect.min() > 0.26
    assert aspect.max() < 3.8
    narrow = share < 0.2
    scale = math.log(3.3 / 0.3)
    fitted = kstest(aspect[narrow].log(), "uniform", (math.log(0.3), scale))
    assert fitted.statistic < 0.05


def test_erasing_places_are_uniform():
    step = RandomErasing(probability=1.0, area=(0.25, 0.25), aspect=(1.0, 1.0))
    gone, tall, wide = holes(step.apply(torch.ones(7200, 1, 12, 12), torch.rand(7200, 5)))
    assert set(tall.tolist()) == set(wide.tolist()) == {6}
    firsts = gone.flatten(1).int().argmax(1)
    counts = firsts.bincount(minlength=144).view(12, 12)
    assert counts[7:].sum() == counts[:, 7:].sum() == 0
    assert chisquare(counts[:7, :7].flatten()).pvalue > 1e-3


@pytest.mark.parametrize("edge", [0.0, 1 - 2**-24, 1.0])
@pytest.mark.parametrize("size", [(8, 8), (2, 30)])
def test_erasing_stays_within_the_image_at_the_edges(edge, size):
    images = torch.ones(1, 1, *size)
    for area in ((0.02, 0.4), (1.0, 1.0)):
        draws = torch.tensor([[0.0, edge, edge, edge, edge]])
        gone, tall, wide = holes(RandomErasing(area=area).apply(images, draws))
        assert gone.sum() == tall * wide > 0
    assert gone.all() or size != (8, 8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rotation(degrees=181.0), "degrees 181.0"),
        (lambda: ColourJitter(contrast=-0.1), "contrast -0.1"),
        (lambda: ColourJitter(hue=0.6), "hue 0.6"),
        (lambda: RandomErasing(probability=2.0), "probability 2"),
        (lambda: RandomErasing(area=(0.4, 0.2)), "area"),
        (lambda: RandomErasing(aspect=(0.0, 1.0)), "aspect"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
