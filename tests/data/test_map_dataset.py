"""Image sets from data sets in the style of torchvision."""

import pytest
import torch
from PIL import Image

from selfdistill.data import ImageSet


class Pairs:
    def __init__(self, *pairs, classes=None):
        self.pairs = pairs
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return self.pairs[index]


def test_pictures_of_any_size_and_mode():
    red, grey = Image.new("RGB", (20, 30), "red"), Image.new("L", (9, 8), 100)
    images = ImageSet.from_dataset(Pairs((red, 1), (grey, 0)), image_size=8)
    assert images.images.shape == (2, 3, 8, 8)
    assert images.images[0].flatten(1).unique(dim=1).flatten().tolist() == [255, 0, 0]
    assert images.images[1].unique().tolist() == [100]
    assert images.labels.tolist() == [1, 0]
    assert images.classes == ("0", "1")


def test_tensors_of_bytes_and_of_fractions():
    pixels = torch.randint(256, (3, 8, 8), dtype=torch.uint8)
    pairs = Pairs((pixels, 0), (pixels / 255, 1), (pixels[:1], 1), classes=["cat", "dog"])
    images = ImageSet.from_dataset(pairs, image_size=8)
    assert torch.equal(images.images[0], pixels)
    assert torch.equal(images.images[1], pixels)
    assert torch.equal(images.images[2], pixels[:1].expand(3, -1, -1))
    assert images.classes == ("cat", "dog")


def test_what_cannot_be_read_is_named():
    for wrong in (torch.randn(3, 8, 8) * 3, torch.zeros(8, 8), "x.png"):
        with pytest.raises(ValueError, match="item 0"):
            ImageSet.from_dataset(Pairs((wrong, 0)), image_size=8)
    with pytest.raises(ValueError, match="empty"):
        ImageSet.from_dataset(Pairs(), image_size=8)
    with pytest.raises(ValueError, match="label 2"):
        ImageSet.from_dataset(
            Pairs((Image.new("L", (8, 8)), 2)), image_size=8, classes=("cat", "dog")
        )
