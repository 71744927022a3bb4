import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from selfdistill.data import Digits, channel_statistics
from selfdistill.data.datasets.digits import enlarge


def pictures(split):
    return {image.numpy().tobytes() for image in split.images}


def test_splits_have_the_sizes_asked_for_and_share_no_image():
    splits = Digits(train_per_class=30, validation_per_class=20, test_per_class=124).splits()
    parts = (splits.train, splits.validation, splits.test)
    assert [part.labels.bincount().tolist() for part in parts] == [[30] * 10, [20] * 10, [124] * 10]
    assert splits.train.images.shape == (300, 3, 32, 32)
    assert len(pictures(parts[0]) | pictures(parts[1]) | pictures(parts[2])) == 1740
    assert (splits.mean, splits.std) == channel_statistics(splits.train.images)


def test_the_test_split_belongs_to_its_seed_alone():
    base = Digits().splits()
    torch.manual_seed(77)
    assert Digits(train_per_class=5, validation_per_class=5).splits().test.digest() == (
        base.test.digest()
    )
    assert Digits(split_seed=1).splits().test.digest() != base.test.digest()
    assert base.validation is None


def test_the_default_splits_never_move():
    assert Digits().splits().digest().startswith("5bff6886")


def test_a_class_that_is_too_small_is_named():
    with pytest.raises(ValueError, match="class 8 has 74 images left, 75 were asked for"):
        Digits(train_per_class=75).splits()


def test_enlarging_interpolates_between_pixel_centres():
    digits = load_digits().images[:3]
    images = enlarge(torch.from_numpy(digits)).numpy()
    centres = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    for digit, image in zip(digits, images, strict=True):
        rows = np.stack([np.interp(centres, np.arange(8), column) for column in digit.T], 1)
        naive = np.stack([np.interp(centres, np.arange(8), row) for row in rows])
        for channel in image:
            assert np.array_equal(channel, np.round(naive * 255 / 16))
