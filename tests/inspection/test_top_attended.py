"""The images with the largest shares."""

from dataclasses import replace

import torch

from selfdistill.data import ImageSet, Preprocessing
from selfdistill.inspection.top_attended import top_attended
from selfdistill.methods import SKDSAM


def seen(size):
    return Preprocessing((size, size), mean=(0.5,) * 3, std=(0.25,) * 3)


def image_set(count, size):
    pixels = torch.randint(256, (count, 3, size, size), dtype=torch.uint8)
    return ImageSet(pixels, torch.zeros(count, dtype=torch.int64), ("cat",))


def test_each_block_shows_the_images_with_its_largest_shares(backbone):
    images = image_set(20, 20)
    first = torch.rand(20)
    attention = torch.stack([first, 1 - first], 1)
    found = top_attended(SKDSAM(backbone), images, attention, replace(seen(16), crop_share=0.8))
    assert found.stage.tolist() == [0] * 8 + [1] * 8
    order = first.argsort(descending=True)
    assert found.indices.tolist() == [*order[:8].tolist(), *order.flip(0)[:8].tolist()]
    assert torch.equal(found.images, images.images[found.indices, :, 2:18, 2:18])
    assert found.cams.shape == (16, 16, 16)
    assert set(found.cams.amax((1, 2)).tolist()) == {0, 255}


def test_equal_shares_lean_on_nothing(backbone):
    shares = torch.full((4, 2), 0.5)
    assert top_attended(SKDSAM(backbone), image_set(4, 16), shares, seen(16)) is None


def test_large_images_are_shown_small(backbone):
    found = top_attended(SKDSAM(backbone), image_set(3, 128), torch.rand(3, 2), seen(128))
    assert found.images.shape == (6, 3, 96, 96)
    assert found.cams.shape == (6, 96, 96)
