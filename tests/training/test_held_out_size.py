"""Held-out images that the network could not be tested on."""

import pytest
import torch

from selfdistill.config import parse
from selfdistill.data import ImageSet, Splits
from selfdistill.training.building import build_method


def images(height, width):
    pixels = torch.zeros(4, 3, height, width, dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(4) % 2, ("a", "b"))


@pytest.mark.parametrize("size", [(15, 16), (16, 15)])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_images_smaller_than_those_trained_on_are_refused_before_training(words, size, part):
    parts = {"validation": None, "test": images(16, 16)} | {part: images(*size)}
    rgb = (0.5, 0.5, 0.5)
    splits = Splits(images(16, 16), **parts, mean=rgb, std=rgb)
    with pytest.raises(ValueError, match=r"cannot test a network that sees 16 × 16"):
        build_method(parse(words).ingredients, splits)
