"""Random resized crops: where their boxes lie, and their pixels against torchvision's."""

import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import RandomResizedCrop as Torchvision
from torchvision.transforms.v2.functional import resize, resized_crop

from selfdistill.data import Pipeline, Preprocessing
from selfdistill.data.augment.crops import RandomResizedCrop
from selfdistill.preprocessing import center


def noise(count, height=40, width=40):
    return torch.randint(256, (count, 3, height, width), dtype=torch.uint8)


def whole(size):
    return RandomResizedCrop(size=size, scale=(1.0, 1.0), ratio=(1.0, 1.0))


def test_the_whole_image_in_its_own_size_is_itself():
    images = noise(4)
    assert torch.equal(whole(40).apply(images, torch.rand(4, 4)), images)


@pytest.mark.parametrize("size", [7, 20, 33, 64])
def test_pixels_are_those_of_an_antialiased_resize(size):
    images = noise(4)
    expected = resize(images.float(), [size, size], antialias=True)
    assert (whole(size).apply(images, torch.rand(4, 4)) - expected).abs().max() < 0.51


def test_a_box_of_whole_pixels_is_the_crop_of_that_box():
    images = noise(1)
    crop = RandomResizedCrop(size=12, scale=(0.25, 0.25), ratio=(1.0, 1.0))
    result = crop.apply(images, torch.tensor([[0.5, 0.5, 0.25, 0.75]]))
    expected = resized_crop(images.float(), 5, 15, 20, 20, [12, 12], antialias=True)
    assert (result - expected).abs().max() < 0.51


@pytest.mark.parametrize(
    ("height", "width", "scale", "ratio"),
    [
        (64, 64, (0.08, 1.0), (3 / 4, 4 / 3)),
        (64, 64, (0.25, 1.0), (3 / 4, 4 / 3)),
        (32, 32, (0.5, 1.0), (3 / 4, 4 / 3)),
        (60, 100, (0.2, 1.0), (0.5, 2.0)),
        (100, 37, (0.3, 1.0), (3 / 4, 4 / 3)),
        (40, 90, (0.35, 0.9), (1.0, 1.0)),
    ],
)
def test_boxes_are_distributed_as_torchvisions(height, width, scale, ratio):
    torch.manual_seed(0)
    image = torch.empty(3, height, width)
    drawn = [Torchvision.get_params(image, scale, ratio) for _ in range(20000)]
    expected = torch.tensor(drawn).float().unbind(1)
    crop = RandomResizedCrop(size=8, scale=scale, ratio=ratio)
    found = crop.boxes(torch.rand(20000, 4), height, width)
    for look in (
        lambda top, left, tall, wide: tall * wide,
        lambda top, left, tall, wide: wide / tall,
        lambda top, left, tall, wide: tall,
        lambda top, left, tall, wide: wide,
        lambda top, left, tall, wide: top,
        lambda top, left, tall, wide: left,
        lambda top, left, tall, wide: top + left + tall,
        lambda top, left, tall, wide: tall * wide * (wide / tall).log().abs(),
    ):
        assert ks_2samp(look(*found), look(*expected)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("height", "width", "scale", "ratio"),
    [
        (20, 70, (0.9, 1.0), (3 / 4, 4 / 3)),
        (70, 21, (0.9, 1.0), (3 / 4, 4 / 3)),
        (33, 33, (1.0, 1.0), (3 / 4, 4 / 3)),
    ],
)
def test_where_no_box_fits_it_is_torchvisions_in_the_centre(height, width, scale, ratio):
    expected = Torchvision.get_params(torch.empty(3, height, width), scale, ratio)
    crop = RandomResizedCrop(size=8, scale=scale, ratio=ratio)
    boxes = torch.stack(crop.boxes(torch.rand(100, 4), height, width), 1)
    assert torch.equal(boxes, torch.tensor(expected).float().expand(100, 4))


def test_extreme_draws_stay_within_the_image():
    ends = torch.tensor([0.0, 1 - 2**-24])
    draws = torch.cartesian_prod(ends, ends, ends, ends)
    for scale in ((0.08, 1.0), (1e-6, 1e-5), (1.0, 1.0)):
        top, left, tall, wide = RandomResizedCrop(scale=scale).boxes(draws, 24, 31)
        assert min(top.min(), left.min()) >= 0
        assert min(tall.min(), wide.min()) >= 1
        assert (top + tall).max() <= 24
        assert (left + wide).max() <= 31


def test_places_are_uniform():
    ramp = torch.arange(200, dtype=torch.uint8).expand(1, 3, 200, 200).repeat(2000, 1, 1, 1)
    crop = RandomResizedCrop(size=1, scale=(0.25, 0.25), ratio=(1.0, 1.0))
    centres = crop.apply(ramp[:, :, ::1, :], torch.rand(2000, 4))[:, 0, 0, 0].float()
    assert centres.mean().item() == pytest.approx(99.5, abs=2)
    assert centres.std().item() == pytest.approx(100 / 12**0.5, abs=1)


def test_each_image_depends_on_its_own_draws_alone():
    images, draws = noise(6), torch.rand(6, 4)
    crop = RandomResizedCrop(size=16)
    together = crop.apply(images, draws)
    order = torch.tensor([3, 5, 0])
    assert torch.equal(crop.apply(images[order], draws[order]), together[order])
    for i in range(6):
        assert torch.equal(crop.apply(images[i : i + 1], draws[i : i + 1])[0], together[i])
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(crop.apply(images, draws), together)


def test_a_pipeline_takes_the_new_size():
    pipeline = Pipeline(
        [RandomResizedCrop(size=16)], Preprocessing((20, 20), (0.5,) * 3, (0.25,) * 3)
    )
    assert pipeline.apply(noise(2), torch.rand(2, pipeline.draws_per_image)).shape == (2, 3, 16, 16)


def test_the_centre():
    images = torch.arange(25, dtype=torch.uint8).view(1, 1, 5, 5)
    assert center(images, (3, 3)).flatten().tolist() == [6, 7, 8, 11, 12, 13, 16, 17, 18]
    with pytest.raises(ValueError, match="5 × 5"):
        center(images, (6, 6))
    images = noise(4)
    assert torch.equal(center(images, (20, 20)), whole(20).apply(images, torch.rand(4, 4)))


@pytest.mark.parametrize(
    ("options", "named"),
    [({"size": 0}, "size 0"), ({"scale": (0.0, 1.0)}, "scale"), ({"ratio": (2.0, 1.0)}, "ratio")],
)
def test_what_is_out_of_range_is_named(options, named):
    with pytest.raises(ValueError, match=named):
        RandomResizedCrop(**({"size": 8} | options))
