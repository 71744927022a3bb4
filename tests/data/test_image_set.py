import numpy as np
import pytest
import torch
from PIL import Image

from selfdistill.data import ImageSet, Splits, channel_statistics, stratified


def image_set(labels, classes=3, seed=0):
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (len(labels), 3, 4, 5), dtype=torch.uint8, generator=random)
    return ImageSet(images, torch.tensor(labels), tuple("abcdefgh"[:classes]))


@pytest.mark.parametrize("label", [3, -1, -100])
def test_a_label_without_class_is_refused_by_position(label):
    with pytest.raises(ValueError, match=rf"image 2 has label {label}: .* 0 to 2"):
        image_set([0, 2, label, 7])


def test_a_missing_label_is_refused():
    with pytest.raises(ValueError, match="2 images have 1 labels"):
        ImageSet(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor([0]), ("a",))


def test_subset_keeps_the_order_asked_for():
    whole = image_set([0, 1, 2])
    part = whole.subset(torch.tensor([2, 0]))
    assert part.labels.tolist() == [2, 0]
    assert torch.equal(part.images, whole.images[[2, 0]])


def test_digest_follows_pixels_labels_and_shape_alone():
    base = image_set([0, 1, 2])
    strided = ImageSet(
        base.images.contiguous(memory_format=torch.channels_last), base.labels, base.classes
    )
    assert base.digest() == image_set([0, 1, 2]).digest() == strided.digest()
    pixel = base.images.clone()
    pixel[1, 2, 3, 4] ^= 1
    others = [
        ImageSet(pixel, base.labels, base.classes),
        image_set([0, 2, 2]),
        ImageSet(base.images.view(3, 3, 5, 4), base.labels, base.classes),
    ]
    assert len({one.digest() for one in (base, *others)}) == 4


def test_splits_digest_tells_which_split_an_image_is_in():
    one, two = image_set([0, 1, 2], seed=1), image_set([0, 1, 2], seed=2)
    rgb = (0.5, 0.5, 0.5)
    digests = {
        Splits(*parts, mean=rgb, std=rgb).digest()
        for parts in ((one, None, two), (two, None, one), (one, two, two), (one, one, two))
    }
    assert len(digests) == 4


def test_splits_refuse_a_class_without_training_image_and_statistics_of_bytes():
    whole = image_set([0, 1, 2])
    rgb = (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="class 'b' has no training image"):
        Splits(image_set([0, 2]), None, whole, rgb, rgb)
    with pytest.raises(ValueError, match="units of pixels"):
        Splits(whole, None, whole, (125.3, 123.0, 113.9), rgb)
    with pytest.raises(ValueError, match="divide figures for bytes by 255"):
        Splits(whole, None, whole, rgb, (0.5, 0.0, 57.0))


def test_splits_of_black_pictures_are_refused_as_such():
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    black = ImageSet(images, torch.tensor([0, 1]), ("a", "b"))
    with pytest.raises(ValueError, match="is 0 where a channel has the same value") as caught:
        Splits(black, None, black, *channel_statistics(images))
    assert "255" not in str(caught.value)


def test_stratified_divides_evenly_at_random_and_repeatably():
    labels = torch.tensor([0] * 40 + [1] * 30 + [2] * 50)[torch.randperm(120)]
    chosen, rest = stratified(labels, 20, 5)
    assert labels[chosen].bincount().tolist() == [20, 20, 20]
    assert torch.equal(torch.cat((chosen, rest)).sort().values, torch.arange(120))
    assert torch.equal(chosen, chosen.sort().values)
    assert torch.equal(rest, rest.sort().values)
    torch.manual_seed(99)
    assert torch.equal(chosen, stratified(labels, 20, 5)[0])
    assert not torch.equal(chosen, stratified(labels, 20, 6)[0])


def test_stratified_chooses_every_image_equally_often():
    labels = torch.tensor([0, 1] * 10)
    counts = torch.zeros(20)
    for seed in range(400):
        counts[stratified(labels, 3, seed)[0]] += 1
    # Each is chosen with probability 0.3: 120 times, sd 9.2.
    assert counts.min() > 80
    assert counts.max() < 160


def test_stratified_names_the_class_that_is_too_small():
    with pytest.raises(ValueError, match="class 1 has 2 images left, 3 were asked for"):
        stratified(torch.tensor([0, 0, 0, 1, 1, 2, 2, 2]), 3, 0)
    with pytest.raises(ValueError, match="-1 images a class"):
        stratified(torch.tensor([0]), -1, 0)


def test_channel_statistics_are_exact():
    images = torch.randint(0, 256, (50, 3, 9, 7), dtype=torch.uint8)
    images[:, 2] = 255
    mean, std = channel_statistics(images)
    pixels = images.numpy().astype(np.float64) / 255
    assert mean == pytest.approx(pixels.mean((0, 2, 3)), abs=1e-14)
    assert std == pytest.approx(pixels.std((0, 2, 3)), abs=1e-14)


def test_the_preprocessing_of_a_split_is_what_its_network_sees():
    rgb = (0.5, 0.4, 0.3)
    square, wide = (
        ImageSet(torch.zeros(2, 3, 20, width, dtype=torch.uint8), torch.zeros(2).long(), ("a",))
        for width in (20, 24)
    )
    whole = Splits(wide, None, wide, rgb, rgb).preprocessing
    assert (whole.size, whole.crop_share, whole.statistics) == ((20, 24), 1.0, (rgb, rgb))
    assert whole.center(wide.images).shape == wide.images.shape
    assert whole.from_image(Image.new("RGB", (100, 50))).shape == (3, 20, 24)
    part = Splits(square, None, square, rgb, rgb, input_size=16).preprocessing
    assert (part.size, part.crop_share) == ((16, 16), 0.8)
