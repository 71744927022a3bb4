import os

import numpy as np
import pytest
import torch
from PIL import Image

from selfdistill.cli.augment_sheet import EPOCHS, augmentation_sheet
from selfdistill.data import (
    ColourJitter,
    Cutout,
    Flip,
    ImageSet,
    Mixup,
    PadCrop,
    Pipeline,
    RandomResizedCrop,
    Splits,
)
from selfdistill.failures import StorageFailure


@pytest.fixture
def splits():
    images = torch.randint(0, 256, (20, 3, 48, 40), dtype=torch.uint8)
    train = ImageSet(images, torch.arange(20) % 2, ("a", "b"))
    return Splits(train, None, train, (0.5, 0.4, 0.3), (0.2, 0.3, 0.25))


def draw(splits, path, steps=(), **options):
    pipeline = Pipeline(list(steps), splits.preprocessing)
    augmentation_sheet(splits, pipeline, seed=0, path=path, **options)
    return np.asarray(Image.open(path))


def test_the_sheet_shows_originals_and_epochs(splits, tmp_path):
    sheet = draw(splits, tmp_path / "sheet.png", images=4, epochs=3)
    assert sheet.shape == (4 * (2 * 48 + 4), 4 * (2 * 40 + 4), 3)
    assert (sheet[:2] == 255).all()
    for row in range(4):
        original = splits.train.images[5 * row].permute(1, 2, 0).numpy()
        for column in range(4):
            top, left = 2 + 100 * row, 2 + 84 * column
            cell = sheet[top : top + 96, left : left + 80]
            assert np.array_equal(cell[::2, ::2], original)
            assert np.array_equal(cell[1::2, 1::2], original)


def test_originals_stand_as_evaluation_sees_them(splits, tmp_path):
    steps = [RandomResizedCrop(size=32, scale=(1.0, 1.0), ratio=(1.2, 1.2))]
    sheet = draw(splits, tmp_path / "sheet.png", steps, images=2, epochs=1)
    assert sheet.shape == (2 * (3 * 32 + 4), 2 * (3 * 32 + 4), 3)
    centre = splits.train.images[10, :, 8:40, 4:36].permute(1, 2, 0).numpy()
    assert np.array_equal(sheet[102:198:3, 2:98:3], centre)


def test_epochs_differ_and_seeds_repeat(splits, tmp_path):
    steps = [PadCrop(), Flip(), ColourJitter(), Cutout()]
    first = draw(splits, tmp_path / "a.png", steps, mixing=Mixup())
    assert np.array_equal(first, draw(splits, tmp_path / "b.png", steps, mixing=Mixup()))
    unmixed = draw(splits, tmp_path / "c.png", steps)
    assert not np.array_equal(first, unmixed)
    for sheet in (first, unmixed):
        columns = np.split(sheet, 1 + EPOCHS, 1)
        assert all(not np.array_equal(columns[0], other) for other in columns[1:])
        assert not np.array_equal(columns[1], columns[2])


@pytest.mark.parametrize("options", [{"images": 21}, {"images": 0}, {"epochs": 0}])
def test_sheets_that_cannot_be_are_refused(splits, tmp_path, options):
    (name, value), *_ = options.items()
    with pytest.raises(ValueError, match=rf"{name} {value} must|{name} {value} at least"):
        draw(splits, tmp_path / "sheet.png", **options)


def test_a_full_disk_is_told_with_path_and_bytes(splits, tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFailure, match=r"sheet\.png: No space left .*bytes needed"):
        draw(splits, tmp_path / "sheet.png")
