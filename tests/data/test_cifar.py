import hashlib
import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from selfdistill.data import CIFAR10, CIFAR100, DATA_SETS, channel_statistics
from selfdistill.data.datasets import cifar
from selfdistill.data.datasets.cifar import CIFAR10_LAYOUT, CIFAR100_LAYOUT
from selfdistill.data.datasets.download import Member


def write(root, layout, per_class=6):
    """Write a small set of two classes; return its layout."""
    random = np.random.default_rng(0)
    folder = root / layout.archive.folder
    folder.mkdir(parents=True)
    members = []
    for name in (member.name for member in layout.archive.members):
        rows = random.integers(0, 256, (2 * per_class, layout.header + 3072), dtype=np.uint8)
        rows[:, layout.header - 1] = np.arange(2 * per_class) % 2
        rows.tofile(folder / name)
        members.append(Member(name, rows.size, hashlib.md5(rows.tobytes()).hexdigest()))
    archive = replace(layout.archive, members=tuple(members))
    return replace(layout, archive=archive, classes=("cat", "dog"))


@pytest.fixture
def hundred(tmp_path, monkeypatch):
    layout = write(tmp_path, CIFAR100_LAYOUT)
    monkeypatch.setattr(cifar, "CIFAR100_LAYOUT", layout)
    return tmp_path


def test_rows_become_images_and_fine_labels(hundred):
    splits = CIFAR100(root=hundred).splits()
    rows = np.fromfile(hundred / "cifar-100-binary/train.bin", np.uint8).reshape(12, 3074)
    assert splits.validation is None
    assert splits.train.labels.tolist() == rows[:, 1].tolist()
    for image, row in zip(splits.train.images.numpy(), rows, strict=True):
        assert image[0, 0, 1] == row[2 + 1]
        assert image[0, 1, 0] == row[2 + 32]
        assert image[2, 31, 31] == row[-1]
    assert (splits.mean, splits.std) == channel_statistics(splits.train.images)


def test_the_five_files_of_cifar10_are_read_in_order(tmp_path, monkeypatch):
    layout = write(tmp_path, CIFAR10_LAYOUT)
    monkeypatch.setattr(cifar, "CIFAR10_LAYOUT", layout)
    train = CIFAR10(root=tmp_path).splits().train
    for k in range(5):
        rows = np.fromfile(tmp_path / f"cifar-10-batches-bin/data_batch_{k + 1}.bin", np.uint8)
        part = train.images[12 * k : 12 * (k + 1)].flatten(1).numpy()
        assert np.array_equal(part, rows.reshape(12, 3073)[:, 1:])


def test_validation_is_carved_before_training_images_are_chosen(hundred):
    whole = CIFAR100(root=hundred).splits()
    large = CIFAR100(root=hundred, validation_per_class=2, split_seed=3).splits()
    small = CIFAR100(root=hundred, validation_per_class=2, train_per_class=1, split_seed=3).splits()
    assert [len(part) for part in (large.train, large.validation, large.test)] == [8, 4, 12]
    assert small.train.labels.bincount().tolist() == [1, 1]
    assert small.validation.digest() == large.validation.digest()
    assert small.test.digest() == whole.test.digest()
    pictures = torch.cat((large.train.images, large.validation.images)).flatten(1)
    assert len(pictures.unique(dim=0)) == 12
    assert small.mean == channel_statistics(small.train.images)[0] != whole.mean


def test_given_statistics_are_kept(hundred, monkeypatch):
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    splits = CIFAR100(root=hundred, mean=mean, std=std).splits()
    assert (splits.mean, splits.std) == (mean, std)
    file = hundred / "cifar-100-binary/train.bin"
    rows = np.fromfile(file, np.uint8).reshape(12, 3074)
    rows[:, 2:1026] = 7  # a channel that never changes
    rows.tofile(file)
    layout = cifar.CIFAR100_LAYOUT
    members = [
        replace(m, md5=hashlib.md5(rows.tobytes()).hexdigest()) if m.name == file.name else m
        for m in layout.archive.members
    ]
    archive = replace(layout.archive, members=tuple(members))
    monkeypatch.setattr(cifar, "CIFAR100_LAYOUT", replace(layout, archive=archive))
    with pytest.raises(ValueError, match="is 0 where a channel has the same value"):
        CIFAR100(root=hundred).splits()
    assert CIFAR100(root=hundred, std=std).splits().std == std


def test_training_images_that_validation_used_up_are_refused(hundred):
    with pytest.raises(ValueError, match="class 'cat' has no training image"):
        CIFAR100(root=hundred, validation_per_class=6).splits()
    with pytest.raises(ValueError, match="class 0 has 6 images left, 7 were asked for"):
        CIFAR100(root=hundred, train_per_class=7).splits()


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(
        ValueError, match=r"train.bin is missing: .*--data.root.*'cifar-100-binary'"
    ):
        CIFAR100(root=tmp_path).splits()


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_damaged_file_is_refused_by_name(hundred, damage):
    path = hundred / "cifar-100-binary" / "test.bin"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[1000] ^= 1
    else:
        del content[-3074:]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"test.bin has \d+ bytes and MD5 .*, the official file "):
        CIFAR100(root=hundred).splits()


def test_official_layouts_are_whole_and_fetched_safely():
    assert [len(layout.classes) for layout in (CIFAR10_LAYOUT, CIFAR100_LAYOUT)] == [10, 100]
    for layout in (CIFAR10_LAYOUT, CIFAR100_LAYOUT):
        assert layout.archive.url.startswith("https://www.cs.toronto.edu/~kriz/")
        names = [member.name.removesuffix(".bin") for member in layout.archive.members]
        assert names == list(layout.python_md5)
        assert [name.startswith("test") for name in names] == [False] * (len(names) - 1) + [True]
        assert len({m.md5 for m in layout.archive.members}) == len(layout.archive.members)
        assert list(layout.classes) == sorted(set(layout.classes))


def test_path_arguments_are_arguments_of_the_constructor():
    for data in DATA_SETS:
        for name in data.path_arguments:
            assert name in inspect.signature(data).parameters
