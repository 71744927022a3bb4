"""A folder of pictures becomes splits: which files, which pixels, and what the cache keeps."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from making_pictures import pictures
from PIL import Image

import selfdistill
from selfdistill.data import Batches, ImageSet, Pipeline, Preprocessing, progress
from selfdistill.data.images import cache as square_cache
from selfdistill.data.images.image_folder import TINY_IMAGENET, ImageFolder
from selfdistill.failures import StorageFailure
from selfdistill.pairing import Partner
from selfdistill.preprocessing import fit_picture


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
            picture = fit_picture(Image.open(root / name), (8, 8))
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
        patch.setattr(square_cache, "read_rgb", None)
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
    rgb = square_cache.read_rgb
    monkeypatch.setattr(square_cache, "read_rgb", lambda path: seen.append(path) or rgb(path))
    make().splits()
    assert len(seen) == 20


def test_a_reworded_rule_leaves_the_cache_as_it_is(tmp_path, make, monkeypatch):
    for name in ("train", "val", "test"):
        pictures(tmp_path / "photos" / name, count=4)
    listing = ImageFolder.listing
    make().splits()

    def reworded(self, **options):
        return replace(listing(self, **options), note="other words")

    monkeypatch.setattr(ImageFolder, "listing", reworded)
    monkeypatch.setattr(square_cache, "read_rgb", None)
    assert "other words" in make().splits().note
    make(split_seed=1, test_share=0.3).splits()  # which decide nothing here
    make().parts()
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1


SERVICES = (
    "data/progress",
    "data/randomness",
    "data/balance",
    "consoles",
    "limits",
    "runs/reading",
    "runs/stored",
)
"""Files that no picture passes: of progress, chance, bounds, and of the index of the cache."""


def test_a_picture_reaches_the_batch_through_ten_files(tmp_path, make):
    pictures(tmp_path / "photos")
    package, files = Path(selfdistill.__file__).parent, set()

    def note(frame, event, argument):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(package):
            files.add(path.relative_to(package).with_suffix("").as_posix())

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        splits = make().splits()
        pipeline = Pipeline([], splits.preprocessing)
        batches = Batches(
            splits.train, pipeline=pipeline, partner=Partner.NONE, batch_size=4, seed=0
        )
        batches.epoch(0).batch(0)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert "data/images/decode" in files
    assert len(files - {*SERVICES}) <= 10, sorted(files)


def test_the_centre_of_a_long_picture_is_kept():
    stripes = np.repeat(np.uint8([[0, 100, 200]]), 16, axis=0).repeat(16, axis=1)
    for turned in (stripes, stripes.T):
        picture = Image.fromarray(np.ascontiguousarray(turned)).convert("RGB")
        assert np.asarray(fit_picture(picture, (16, 16))).tolist() == [[[100] * 3] * 16] * 16
        assert fit_picture(picture, (8, 8)).size == (8, 8)


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
    rgb = square_cache.read_rgb

    def interrupted(picture):
        if picture.name == "005.png":
            raise KeyboardInterrupt
        return rgb(picture)

    with monkeypatch.context() as patch:
        patch.setattr(square_cache, "read_rgb", interrupted)
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


def test_a_disk_that_is_full_is_told_with_path_and_bytes(tmp_path, make, monkeypatch):
    pictures(tmp_path / "photos")

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFailure, match=r"cache/photos.*: No space left .*bytes needed"):
        make().splits()
    assert not list((tmp_path / "cache").glob("*.unfinished"))


@pytest.mark.parametrize("name", ["x" * 250, "ü" * 120])
def test_a_long_name_of_a_folder_has_a_cache(tmp_path, make, name):
    make(root=pictures(tmp_path / name)).splits()


def test_wrong_arguments_are_named(tmp_path, make):
    (tmp_path / "file").write_text("")
    pictures(tmp_path / "photos", count=3)
    with pytest.raises(ValueError, match="absent does not exist"):
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
from selfdistill.data import ImageFolder
from selfdistill.data.images import cache as square_cache
rgb, seen = square_cache.read_rgb, []
def killed(picture):
    seen.append(picture)
    if len(seen) == 300:
        os.kill(os.getpid(), signal.SIGKILL)
    return rgb(picture)
square_cache.read_rgb = killed
ImageFolder(root=sys.argv[1], cache_dir=sys.argv[2], image_size=8).splits()
"""


@pytest.mark.slow
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
    pipeline = Pipeline([], Preprocessing(shape[1:], (0.5,) * 3, (0.5,) * 3))
    batches = Batches(moved, pipeline=pipeline, partner=Partner.NONE, batch_size=4, seed=0)
    assert batches.epoch(0).batch(0).images.shape == (4, *shape)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # of 786 MB


def test_train_may_be_a_class_of_trains(tmp_path, make):
    for name in ("train", "plane"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(5):
            picture = Image.new("RGB", (9, 9), (9 * i, 5 * i, 3 * i))
            picture.save(tmp_path / "photos" / name / f"{i}.png")
    assert make(duplicates="keep").splits().train.classes == ("plane", "train")


def parts_of(root):
    return {
        part: sorted({n.split("/")[0] for names in classes.values() for n in names})
        for part, classes in ImageFolder(root=root).listing().parts.items()
    }


@pytest.mark.parametrize(
    "names",
    [
        {"Train": "train", "Test": "test"},
        {"Training": "train", "Testing": "test"},
        {"TRAIN": "train", "dev": "test"},
        {"train_set": "train", "VALID": "validation", "Test_set": "test"},
        {"trainset": "train", "Val Set": "validation", "testing-set": "test"},
        {"training_set": "train", "Validation": "test"},
    ],
)
def test_splits_are_known_in_any_spelling(tmp_path, names):
    for name in names:
        pictures(tmp_path / name, count=4, size=(3, 2))
    assert parts_of(tmp_path) == {part: [name] for name, part in names.items()}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("imgs_train", "imgs_test"), "imgs_test and imgs_train, both with 'cat': they look like"),
        (("train2017", "val2017"), "train2017 and val2017, both with 'cat': they look like splits"),
        (("seg_train", "seg_test", "seg_pred"), "seg_test and seg_train, both with 'cat'"),
        (("ImgsTrain", "ImgsVal"), "ImgsTrain and ImgsVal, both with 'cat'"),
        (("train", "eval"), "holds train beside eval: expected is train beside val, valid"),
        (("train", "test", "eval"), "holds eval beside train and test: if it is a split too"),
        (("train", "val", "test_images"), "holds test_images beside train and val: if it is"),
        (("train", "Train_set"), "holds Train_set and train: keep one of them"),
        (("val", "test"), "holds val and test, but no train"),
        (("Test",), "holds Test, but no train"),
    ],
)
def test_what_may_be_splits_is_never_two_classes(tmp_path, names, message):
    for name in names:
        pictures(tmp_path / "photos" / name, count=4, size=(3, 2))
    with pytest.raises(ValueError, match=message):
        ImageFolder(root=tmp_path / "photos").listing()


def test_splits_without_class_folders_are_refused(tmp_path):
    pictures(tmp_path, classes=("train", "test"), count=4, size=(3, 2))
    with pytest.raises(ValueError, match="train holds no class folder"):
        ImageFolder(root=tmp_path).listing()


@pytest.mark.parametrize(
    "names", [("bus", "train"), ("train_station", "test_tube"), ("dev", "ops")]
)
def test_classes_may_be_called_like_splits(tmp_path, names):
    pictures(tmp_path, classes=names, count=4, size=(3, 2))
    assert ImageFolder(root=tmp_path).listing().classes == tuple(sorted(names))


def test_tiny_imagenet_as_published_has_its_own_reader(tmp_path):
    root = tmp_path / "tiny-imagenet-200"
    pictures(root / "train", classes=("n1/images", "n2/images"), count=3, size=(3, 2))
    pictures(root / "val", classes=("images",), count=3, size=(3, 2))
    for name in TINY_IMAGENET:
        (root / name).write_text("")
    with pytest.raises(ValueError, match=r"--data TinyImageNet --data\.root") as caught:
        ImageFolder(root=root).listing()
    assert str(caught.value).endswith(f"{tmp_path} reads it")


def test_a_class_folder_linked_into_itself_is_read_once(tmp_path):
    pictures(tmp_path, count=4, size=(3, 2))
    (tmp_path / "cat" / "self").symlink_to(tmp_path / "cat")
    assert len(ImageFolder(root=tmp_path).listing().parts["all"]["cat"]) == 4


def test_linked_folders_are_followed_and_each_is_read_once(tmp_path):
    root, store = tmp_path / "photos", tmp_path / "store"
    pictures(root, count=4, size=(3, 2))
    pictures(store, classes=("more/deep", "other"), count=3, size=(3, 2))
    links = {
        "cat/more": store / "more",
        "cat/again": store / "more" / "deep",  # within what another link leads to
        "cat/dogs": root / "dog",
        "cat/up": root,
        "cat/self": root / "cat",
        "self": root,
        "parent": tmp_path,
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    (store / "more" / "around").symlink_to(store)
    (store / "more" / "deep" / "circle").symlink_to(store / "more")
    (root / "fox").symlink_to(store / "other")
    found = ImageFolder(root=root).listing()
    assert {name: len(files) for name, files in found.parts["all"].items()} == {
        "cat": 7,
        "dog": 4,
        "fox": 3,
    }
    passed_over = {name for name, why in found.ignored.items() if "a link" in why}
    followed = {"cat/again", "cat/more"} - passed_over
    assert len(followed) == 1
    assert passed_over >= links.keys() - {"cat/more", "cat/again"}


def test_class_folders_that_are_one_folder_are_refused(tmp_path):
    pictures(tmp_path / "photos", count=4, size=(3, 2))
    (tmp_path / "photos" / "kitten").symlink_to(tmp_path / "photos" / "cat")
    with pytest.raises(ValueError, match=r"kitten is the same folder as .*cat, or in it"):
        ImageFolder(root=tmp_path / "photos").listing()
    for name in ("train", "test"):
        (tmp_path / "parts" / name).mkdir(parents=True)
        for label in ("cat", "dog"):
            link = tmp_path / "parts" / name / label
            link.symlink_to(tmp_path / "photos" / label)
    with pytest.raises(ValueError, match=r"test/cat is the same folder as .*train/cat"):
        ImageFolder(root=tmp_path / "parts").listing()


def test_other_files_beside_pictures_are_ignored_and_counted(tmp_path, make):
    root = pictures(tmp_path / "photos", count=4)
    for file in list(root.rglob("*.png")):
        file.with_suffix(".TXT").write_text("0")
    (root / "cat" / "notes").write_text("")
    note = make().splits().note
    assert note.endswith("divided at random; 9 other files ignored (.txt, no ending)")
    pictures(root, classes=("cow",), count=0)
    (root / "cow" / "a.json").write_text("{}")
    with pytest.raises(ValueError, match=r"'cow' has 0 usable .*; 10 other files ignored \(.txt"):
        make().splits()


def test_almost_black_pictures_are_warned_of(tmp_path, make):
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(5):
            deep = np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16) // (i + 1)
            Image.fromarray(deep).save(tmp_path / "photos" / name / f"{i}.png")
    with pytest.warns(UserWarning, match="almost black, no value above 31 of 255"):
        make(duplicates="keep").splits()


def test_a_flipped_bit_anywhere_in_the_cache_is_found(tmp_path, make):
    pictures(tmp_path / "photos", count=300, size=(8, 8))
    first = make().splits().digest()
    (file,) = (tmp_path / "cache").glob("*.npy")
    whole = file.read_bytes()
    for at in np.linspace(200, len(whole) - 1, 24).astype(int):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        file.write_bytes(damaged)
        assert square_cache._checksum(np.load(file)) != square_cache._checksum(
            np.frombuffer(whole[-np.load(file).nbytes :], np.uint8).reshape(np.load(file).shape)
        )
    assert make().splits().digest() == first
    assert file.read_bytes() == whole


def test_a_picture_replaced_behind_its_size_and_time_is_decoded_again(tmp_path, make):
    root = pictures(tmp_path / "photos")
    first = make().splits().digest()
    file = root / "cat" / "003.png"
    status, content = file.stat(), file.read_bytes()
    Image.fromarray(np.asarray(Image.open(file))[::-1]).save(file)
    file.write_bytes(file.read_bytes()[: len(content)].ljust(len(content), b"\0"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    assert make().splits().digest() != first


@pytest.mark.parametrize("index", ["{}", "[]", "", '{"kept": 3}', "[" * 5000])
def test_a_strange_index_is_written_anew(tmp_path, make, index):
    pictures(tmp_path / "photos")
    first = make().splits().digest()
    (file,) = (tmp_path / "cache").glob("*.json")
    file.write_text(index)
    assert make().splits().digest() == first


def test_a_folder_of_a_long_name_has_a_cache(tmp_path, monkeypatch):
    root = tmp_path / ("ü" * 120)
    for name in ("ant", "bee"):
        (root / name).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (9, 9), (number, 50 + number, 9 * number)).save(
                root / name / f"{number}.png"
            )
    options = {"image_size": 8, "cache_dir": tmp_path / "cache", "duplicates": "keep"}
    splits = ImageFolder(root=root, **options).splits()
    assert len(splits.train) == 4


def test_a_user_without_a_home_is_told_to_name_a_cache(monkeypatch):
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SELFDISTILL_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(ValueError, match=r"no home folder .* --data.cache-dir"):
        square_cache.default_folder()


def test_training_and_looking_at_all_images_keep_a_cache_each(tmp_path, make, monkeypatch):
    pictures(tmp_path / "photos", count=20)
    make().splits(), make().parts()
    monkeypatch.setattr(square_cache, "read_rgb", None)
    make().splits(), make().parts()
