"""Corruptions: stronger by severity, the same for the same seed, and the accuracy on them."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from selfdistill.data import ImageSet, Preprocessing
from selfdistill.evaluation import accuracy_by_corruption, predict, score
from selfdistill.evaluation.corruptions import CORRUPTIONS, corrupt
from selfdistill.evaluation.severities import PUBLISHED, SEVERITIES, constants
from selfdistill.methods import BYOT

DRAWN = ("gaussian_noise", "shot_noise", "impulse_noise", "motion_blur", "fog")


def pictures(count=6, height=32, width=32):
    """Smooth pictures with some detail, of full contrast."""
    coarse = torch.rand(count, 3, height // 5 + 1, width // 5 + 1)
    fine = F.interpolate(coarse, (height, width), mode="bicubic")
    return ((fine + 0.1 * torch.rand_like(fine)).clamp(0, 1) * 255).to(torch.uint8)


def distortion(images, name, severity):
    changed = corrupt(images, name, severity)
    assert changed.dtype == torch.uint8
    assert changed.shape == images.shape
    return float((changed.double() - images.double()).square().mean().sqrt())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_distortion_rises_with_severity(name):
    images = pictures()
    found = [distortion(images, name, severity) for severity in SEVERITIES]
    assert found[0] > 1
    # CIFAR-C's motion blur differs at 3 and 4 in taps that weigh nothing
    assert all(later > 0.999 * earlier for earlier, later in pairwise(found))
    assert found[4] > 1.3 * found[0]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_gives_the_same_images_and_another_does_not(name):
    images = pictures(3)
    torch.manual_seed(5)
    once = corrupt(images, name, 3)
    torch.manual_seed(6)
    assert torch.equal(once, corrupt(images, name, 3))
    assert torch.equal(once, corrupt(images, name, 3, seed=1)) == (name not in DRAWN)
    twins = corrupt(images[:1].repeat(2, 1, 1, 1), name, 3)
    assert torch.equal(twins[0], twins[1]) == (name not in DRAWN)


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (96, 64)])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_images_may_have_any_size(name, size):
    assert distortion(pictures(2, *size), name, 5) > 1


TURNABLE = ("gaussian_blur", "defocus_blur", "brightness", "contrast", "pixelate")


@pytest.mark.parametrize("name", TURNABLE)
def test_wide_images_are_corrupted_as_tall_ones_are(name):
    wide = pictures(2, 24, 72)
    tall = corrupt(wide.mT.contiguous(), name, 4)
    torch.testing.assert_close(tall.mT, corrupt(wide, name, 4), atol=1, rtol=0)


def test_motion_is_measured_in_pixels_of_either_side():
    stripes = pictures(3, 1, 72).expand(3, 3, 24, 72).contiguous()
    blurred = corrupt(stripes, "motion_blur", 5)
    assert (blurred == blurred[:, :, :1]).all()  # what is alike from top to bottom stays so
    assert not torch.equal(blurred, stripes)


def test_strength_is_that_of_its_definition():
    grey = torch.full((4, 3, 32, 32), 100, dtype=torch.uint8)
    noise = corrupt(grey, "gaussian_noise", 5).double() - 100
    assert noise.std() == pytest.approx(0.10 * 255, rel=0.03)
    shot = corrupt(grey, "shot_noise", 5).double()
    assert shot.var() == pytest.approx(100 * 255 / 50, rel=0.05)
    salted = corrupt(grey, "impulse_noise", 5)
    for value in (0, 255):
        assert (salted == value).double().mean() == pytest.approx(0.035, rel=0.15)
    assert set(salted.unique().tolist()) == {0, 100, 255}
    assert torch.equal(corrupt(grey, "brightness", 4), torch.full_like(grey, 100 + 51))
    for name in ("gaussian_blur", "defocus_blur", "motion_blur", "contrast", "pixelate"):
        assert torch.equal(corrupt(grey, name, 5), grey), name


def test_brightness_keeps_hue_and_contrast_keeps_the_mean():
    colour = torch.tensor([40, 80, 160], dtype=torch.uint8)[None, :, None, None].expand(1, 3, 8, 8)
    bright = corrupt(colour, "brightness", 2)[0, :, 0, 0].double()
    torch.testing.assert_close(bright / bright[2], torch.tensor([0.25, 0.5, 1.0]).double(),
                               atol=0.01, rtol=0)  # fmt: skip
    images = pictures(2)
    flat = corrupt(images, "contrast", 5).double()
    torch.testing.assert_close(flat.mean((2, 3)), images.double().mean((2, 3)), atol=0.5, rtol=0)
    torch.testing.assert_close(flat.std(), 0.15 * images.double().std(), atol=6, rtol=0)


def test_constants_are_the_published_ones_and_between_them():
    for name, sizes in PUBLISHED.items():
        for severity in SEVERITIES:
            rows = [levels[severity - 1] for levels in sizes]
            for size, row in zip((32, 64, 224), rows, strict=True):
                assert constants(name, severity, size) == pytest.approx(row)
            assert constants(name, severity, 8) == pytest.approx(rows[0])
            assert constants(name, severity, 600) == pytest.approx(rows[2])
    (halfway,) = constants("gaussian_noise", 1, int(np.sqrt(64 * 224)))
    assert halfway == pytest.approx(np.sqrt(0.04 * 0.08), rel=0.01)


def test_misspelt_names_and_severities_are_refused():
    with pytest.raises(ValueError, match="no corruption 'blur': choose one of gaussian_noise, "):
        corrupt(pictures(1), "blur", 1)
    with pytest.raises(ValueError, match="severity 6 must be within 1 to 5"):
        corrupt(pictures(1), "fog", 6)


def test_the_network_is_scored_on_what_it_sees(backbone):
    pixels = torch.randint(256, (40, 3, 20, 20), dtype=torch.uint8)
    images = ImageSet(pixels, torch.arange(40) % 5, tuple("abcde"))
    preprocessing = Preprocessing((16, 16), (0.5,) * 3, (0.1,) * 3, crop_share=0.8)
    method = BYOT(backbone)
    nn.init.normal_(backbone.network.head.weight, std=30)
    nn.init.zeros_(backbone.network.head.bias)
    found = dict(accuracy_by_corruption(method, images, preprocessing))
    assert tuple(found) == CORRUPTIONS
    changed = corrupt(pixels[:, :, 2:18, 2:18], "impulse_noise", 5)
    predictions = predict(method, ImageSet(changed, images.labels, images.classes), preprocessing)
    expected = score(predictions.exits["network"], images.labels).accuracy
    assert found["impulse_noise"][5] == expected
    assert len({accuracy for levels in found.values() for accuracy in levels.values()}) > 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_images_and_network_may_lie_on_a_gpu(backbone):
    pixels = torch.randint(256, (8, 3, 16, 16), dtype=torch.uint8, device="cuda")
    images = ImageSet(pixels, torch.arange(8, device="cuda") % 5, tuple("abcde"))
    method = BYOT(backbone).to("cuda")
    preprocessing = Preprocessing((16, 16), (0.5,) * 3, (0.1,) * 3)
    assert len(dict(accuracy_by_corruption(method, images, preprocessing))) == len(CORRUPTIONS)
