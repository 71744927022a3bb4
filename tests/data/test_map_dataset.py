"""Image sets from data sets in the style of torchvision."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Subset, random_split

from selfdistill.data import ImageSet


class Pairs:
    def __init__(self, *pairs, classes=None):
        self.pairs = pairs
        if classes is not None:
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


GREY = Image.new("L", (8, 8), 9)


def read(*labels, classes=("cat", "dog"), **options):
    pairs = Pairs(*((GREY, label) for label in labels), classes=classes)
    return ImageSet.from_dataset(pairs, image_size=8, **options)


def test_subsets_and_unions_keep_the_names_of_classes():
    pairs = Pairs(*((GREY, i % 2) for i in range(8)), classes=["cat", "dog"])
    for part in (
        Subset(pairs, [1, 2, 5]),
        Subset(Subset(pairs, [3, 2, 1]), [0, 1, 2]),
        random_split(pairs, [3, 5])[0],
        ConcatDataset([pairs, Subset(pairs, [1])]),
        Subset(ConcatDataset([Subset(pairs, [0, 1]), pairs]), [0, 3, 4]),
    ):
        assert ImageSet.from_dataset(part, image_size=8).classes == ("cat", "dog")
    other = Pairs((GREY, 0), classes=["dog", "cat"])
    with pytest.raises(ValueError, match="other classes under the same labels"):
        ImageSet.from_dataset(ConcatDataset([pairs, other]), image_size=8)


def test_names_of_classes_in_other_forms():
    assert read(0, 1, classes={"dog": 1, "cat": 0}).classes == ("cat", "dog")
    assert read(0, 1, classes=np.array(["cat", "dog"])).classes == ("cat", "dog")
    tuples = [("tench", "Tinca tinca"), ("crane",), ("crane", "bird")]
    assert read(0, 1, 2, classes=tuples).classes == ("tench, Tinca tinca", "crane", "crane, bird")
    with pytest.raises(ValueError, match="two classes are called 'cat'"):
        read(0, 1, classes=["cat", "cat"])


@pytest.mark.parametrize(
    "labels",
    [
        (1, 0),
        (True, False),
        (np.int64(1), np.uint8(0)),
        (torch.tensor(1), torch.tensor([0])),
        (1.0, np.float32(0)),
        (torch.tensor([0, 1]), torch.tensor([1.0, 0.0])),
        ([0, 1], np.array([1, 0])),
        ("dog", "cat"),
    ],
)
def test_labels_that_mean_a_class_are_converted(labels):
    assert read(*labels).labels.tolist() == [1, 0]


def test_names_as_labels_are_classes():
    images = read("b", "a", "b", classes=None)
    assert (images.classes, images.labels.tolist()) == (("a", "b"), [1, 0, 1])


@pytest.mark.parametrize(
    "label",
    [
        *(0.5, -1, torch.tensor(-1), None, float("nan"), float("inf"), b"cat", {"label": 1}),
        *(torch.tensor([0.4, 0.6]), [1, 1], [0, 0], [], np.array([[0, 1]]), object()),
    ],
)
def test_labels_that_mean_no_class_are_named(label):
    with pytest.raises(ValueError, match=r"item 1 has the label .*: give the number of its class"):
        read(0, label)


def test_labels_beside_the_classes_are_named():
    with pytest.raises(
        ValueError, match=r"item 1 has the label 'cow', which is not one of .*'cat'"
    ):
        read("cat", "cow")
    with pytest.raises(ValueError, match="item 1 has label 2: labels run from 0 to 1"):
        read(0, 2)


@pytest.mark.parametrize("item", [{"image": GREY, "label": 0}, (GREY, 0, "meta"), GREY, (GREY,)])
def test_items_that_are_no_pairs_are_named(item):
    with pytest.raises(ValueError, match=r"item 0 is .*: a data set gives pairs"):
        ImageSet.from_dataset(Pairs(item), image_size=8)


def test_arrays_of_bytes():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    grey = pixels[..., 0]
    images = ImageSet.from_dataset(
        Pairs((pixels, 0), (grey, 0), (grey[..., None], 0)), image_size=8
    ).images
    assert np.array_equal(images[0].permute(1, 2, 0), pixels)
    assert all(np.array_equal(images[i, c], grey) for i in (1, 2) for c in range(3))
