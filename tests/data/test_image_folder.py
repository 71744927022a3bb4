"""A folder of pictures becomes splits: which files, which pixels, and what the cache keeps."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from making_pictures import pictures
from PIL import Image

from selfdistill.data import Batches, ImageSet, Pipeline, progress, square_cache
from selfdistill.data.image_folder import ImageFolder
from selfdistill.pairing import Partner


@pytest.fixture
def make(tmp_path):
    def make(root=tmp_path / "photos", **options):
        options = {"image_size": 8, "cache_dir": tmp_path / "cache"} | options
        return ImageFolder(root=root, **options)

    return make


def test_class_folders_are_divided_class_by_class(tmp_path, make):
    pictures(tmp_path / "photos", count=20)
    splits = make().splits()
    sizes = [s.labels.bincount().tolist() for s in (splits.train, splits.validation, splits.test)]
    assert sizes == [[14, 14], [3, 3], [3, 3]]
    files = [name for names in splits.files.values() for name in names]
    assert len(set(files)) == 40
    assert "class folders only" in splits.note
    assert make(split_seed=1).splits().files != splits.files
    assert make().splits().digest() == splits.digest()


def test_every_image_has_its_own_file_and_label(tmp_path, make):
    root = pictures(tmp_path / "photos")
    splits = make().splits()
    for part in ("train", "validation", "test"):
        images = getattr(splits, part)
        for name, image, label in zip(
            splits.files[part], images.images, images.labels, strict=True
        ):
            picture = square_cache.square(Image.open(root / name), 8)
            assert np.array_equal(np.asarray(picture).transpose(2, 0, 1), image.numpy())
            assert images.classes[label] == name.split("/")[0]


def test_train_alone_is_divided_as_class_folders_are(tmp_path, make):
    inner = pictures(tmp_path / "photos" / "train", count=20)
    (tmp_path / "photos" / "notes.txt").write_text("no class")
    splits, plain = make().splits(), make(root=inner).splits()
    note = "train only: every class is divided at random"
    assert splits.note == f"{tmp_path / 'photos'}: {note}"
    assert splits.digest() == plain.digest()
    assert [len(files) for files in splits.files.values()] == [28, 6, 6]
    for part, files in plain.files.items():
        assert splits.files[part] == tuple(f"train/{file}" for file in files)


@pytest.mark.parametrize("name", ["val", "valid", "validation", "test"])
def test_of_two_folders_the_second_is_the_test_split(tmp_path, make, name):
    pictures(tmp_path / "photos" / "train", count=20)
    pictures(tmp_path / "photos" / name, count=4)
    splits = make().splits()
    assert all(file.startswith(f"{name}/") for file in splits.files["test"])
    assert all(file.startswith("train/") for file in splits.files["validation"])
    assert [len(files) for files in splits.files.values()] == [34, 6, 8]
    assert f"{name} is the test split" in splits.note
    assert make(validation_share=0.0).splits().validation is None


def test_three_folders_are_taken_as_they_are(tmp_path, make):
    for name, count in (("train", 5), ("val", 2), ("test", 3)):
        pictures(tmp_path / "photos" / name, count=count)
    splits = make().splits()
    assert {part: len(files) for part, files in splits.files.items()} == {
        "train": 10,
        "validation": 4,
        "test": 6,
    }
    assert all(name.startswith("val/") for name in splits.files["validation"])


def test_pictures_are_kept_with_a_margin(tmp_path, make):
    pictures(tmp_path / "photos", count=4)
    splits = make(image_size=112).splits()
    assert splits.train.images.shape[1:] == (3, 128, 128)
    assert splits.input_size == 112


def test_splits_are_stretches_of_one_map(tmp_path, make):
    pictures(tmp_path / "photos")
    splits = make().splits()
    parts = (splits.train, splits.validation, splits.test)
    assert len({part.images.untyped_storage().data_ptr() for part in parts}) == 1
    middle = splits.train.subset(torch.arange(2, 5)).images
    assert middle.data_ptr() == splits.train.images[2:].data_ptr()
    assert torch.equal(middle, splits.train.images[2:5])


def test_the_cache_is_read_until_a_file_changes(tmp_path, make, monkeypatch):
    root = pictures(tmp_path / "photos")
    first = make().splits()
    listing = sorted(p.name for p in (tmp_path / "photos").rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(square_cache, "rgb", None)
        assert make().splits().digest() == first.digest()
    Image.new("RGB", (24, 16), "red").save(root / "cat" / "003.png")
    os.utime(root / "cat" / "003.png", ns=(1, 1))
    changed = make().splits()
    assert changed.digest() != first.digest()
    assert changed.files == first.files
    assert sorted(p.name for p in (tmp_path / "photos").rglob("*")) == listing
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1
    assert not list((tmp_path / "cache").glob("*.unfinished"))


def test_a_touched_file_is_decoded_again(tmp_path, make, monkeypatch):
    root = pictures(tmp_path / "photos")
    make().splits()
    os.utime(root / "cat" / "003.png", ns=(1, 1))
    seen = []
    rgb = square_cache.rgb
    monkeypatch.setattr(square_cache, "rgb", lambda path: seen.append(path) or rgb(path))
    make().splits()
    assert len(seen) == 20


def test_the_centre_of_a_long_picture_is_kept():
    stripes = np.repeat(np.uint8([[0, 100, 200]]), 16, axis=0).repeat(16, axis=1)
    for turned in (stripes, stripes.T):
        picture = Image.fromarray(np.ascontiguousarray(turned)).convert("RGB")
        assert np.asarray(square_cache.square(picture, 16)).tolist() == [[[100] * 3] * 16] * 16
        assert square_cache.square(picture, 8).size == (8, 8)


def shorten(path):
    path.write_bytes(path.read_bytes()[:-100])


def blank(path):
    path.write_bytes(path.read_bytes()[:128] + bytes(path.stat().st_size - 128))


def older(path):
    index = path.with_suffix(".json")
    index.write_text(json.dumps(json.loads(index.read_text()) | {"format": 0}))


def tear(path):
    path.with_suffix(".json").write_text('{"format"')


@pytest.mark.parametrize("damage", [shorten, blank, older, tear, lambda path: path.unlink()])
def test_a_damaged_cache_is_rebuilt(tmp_path, make, damage):
    pictures(tmp_path / "photos")
    digest = make().splits().digest()
    damage(next((tmp_path / "cache").glob("*.npy")))
    assert make().splits().digest() == digest


def test_an_interrupted_decoding_leaves_nothing_to_believe(tmp_path, make, monkeypatch):
    pictures(tmp_path / "photos")
    rgb = square_cache.rgb

    def interrupted(picture):
        if picture.name == "005.png":
            raise KeyboardInterrupt
        return rgb(picture)

    with monkeypatch.context() as patch:
        patch.setattr(square_cache, "rgb", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make().splits()
    assert {p.suffix for p in (tmp_path / "cache").iterdir()} <= {".lock"}
    assert len(make().splits().train) == 12


def test_files_that_cannot_be_read_are_left_out_with_one_warning(tmp_path, make):
    root = pictures(tmp_path / "photos", count=40)
    (root / "cat" / "001.png").write_bytes(b"")
    (root / "dog" / "002.png").write_text("hello")
    for _ in range(2):
        with pytest.warns(UserWarning, match="left out") as caught:
            splits = make().splits()
        assert len(caught) == 1
        message = str(caught[0].message)
        assert message.startswith("2 of 80 files")
        assert "cat/001.png is empty" in message
        assert "dog/002.png is no image" in message
    kept = [name for names in splits.files.values() for name in names]
    assert len(kept) == 78
    assert "cat/001.png" not in kept


def test_too_many_bad_files_are_refused(tmp_path, make):
    root = pictures(tmp_path / "photos", count=10)
    for i in range(2):
        (root / "cat" / f"{i:03}.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"2 of 20 files .* more than 5%"):
        make().splits()


def test_a_class_with_too_few_pictures_left_is_refused(tmp_path, make):
    root = pictures(tmp_path / "photos", count=80)
    pictures(root, classes=("cow",), count=3)
    (root / "cow" / "000.png").write_bytes(b"")
    with pytest.raises(ValueError, match="'cow' has 2 usable"):
        make().splits()


def test_the_cache_lies_where_the_environment_says(tmp_path, make, monkeypatch):
    pictures(tmp_path / "photos")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    make(cache_dir=None).splits()
    assert list((tmp_path / "xdg" / "selfdistill").glob("*.npy"))
    monkeypatch.setenv("SELFDISTILL_CACHE", str(tmp_path / "own"))
    make(cache_dir=None).splits()
    assert list((tmp_path / "own").glob("*.npy"))


def test_wrong_arguments_are_named(tmp_path, make):
    (tmp_path / "file").write_text("")
    pictures(tmp_path / "photos", count=3)
    with pytest.raises(ValueError, match="no folder"):
        make(root=tmp_path / "absent").splits()
    with pytest.raises(ValueError, match="cache-dir"):
        make(cache_dir=tmp_path / "file").splits()
    for wrong in ({"image_size": 4}, {"test_share": 0.0}, {"validation_share": 0.9}):
        with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", " ")):
            make(**wrong)


def test_nothing_warns(tmp_path, make):
    pictures(tmp_path / "photos")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make().splits()
    assert not caught


def test_decoding_is_shown_once_and_then_nothing(tmp_path, make, monkeypatch, capsys):
    pictures(tmp_path / "photos")
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    make().splits()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"decoding 20 pictures into {tmp_path / 'cache'}"
    assert len(lines) == 20
    assert re.fullmatch(r"  5%, [\d,]+ pictures/s, \d:\d\d:\d\d left", lines[1])
    make().splits()
    assert capsys.readouterr() == ("", "")


def test_plain_lines_are_ten_seconds_apart(tmp_path, make, monkeypatch, capsys):
    pictures(tmp_path / "photos")
    monkeypatch.setattr(progress.time, "monotonic", lambda: 0.0)
    make().splits()
    assert len(capsys.readouterr().err.splitlines()) == 1


KILLED_HALFWAY = """
import os, signal, sys
from selfdistill.data import ImageFolder, square_cache
rgb, seen = square_cache.rgb, []
def killed(picture):
    seen.append(picture)
    if len(seen) == 300:
        os.kill(os.getpid(), signal.SIGKILL)
    return rgb(picture)
square_cache.rgb = killed
ImageFolder(root=sys.argv[1], cache_dir=sys.argv[2], image_size=8).splits()
"""


def test_a_process_killed_while_decoding_leaves_no_broken_cache(tmp_path, make):
    root = pictures(tmp_path / "photos", count=200)
    words = [sys.executable, "-c", KILLED_HALFWAY, str(root), str(tmp_path / "cache")]
    died = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} == {".lock", ".unfinished"}
    assert make().splits().digest() == make(cache_dir=tmp_path / "other").splits().digest()
    assert {p.suffix for p in (tmp_path / "cache").iterdir()} == {".lock", ".npy", ".json"}


def test_a_map_is_neither_copied_nor_read_whole(tmp_path):
    count, shape = 4000, (3, 256, 256)
    pixels = np.lib.format.open_memmap(
        tmp_path / "map.npy", mode="w+", dtype=np.uint8, shape=(count, *shape)
    )
    images = ImageSet(torch.from_numpy(pixels), torch.zeros(count, dtype=torch.int64), ("a",))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    moved = images.to("cpu")
    assert moved.images.data_ptr() == images.images.data_ptr()
    pipeline = Pipeline([], mean=(0.5,) * 3, std=(0.5,) * 3)
    batches = Batches(moved, pipeline=pipeline, partner=Partner.NONE, batch_size=4, seed=0)
    assert batches.epoch(0).batch(0).images.shape == (4, *shape)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # of 786 MB


def test_train_may_be_a_class_of_trains(tmp_path, make):
    for name in ("train", "plane"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(5):
            picture = Image.new("RGB", (9, 9), (9 * i, 5 * i, 3 * i))
            picture.save(tmp_path / "photos" / name / f"{i}.png")
    assert make().splits().train.classes == ("plane", "train")
