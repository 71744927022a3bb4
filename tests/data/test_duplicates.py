"""Pictures that are in two splits, and those that look alike."""

import re
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from data.making_pictures import pictures
from selfdistill.data import ImageFolder, LabelTable
from selfdistill.data.images.alike import near_pairs, sketch
from selfdistill.data.images.check import check_images
from selfdistill.data.images.findings import describe_proportions


def divided(root, count=4):
    for split in ("train", "val", "test"):
        pictures(root / split, count=count)
    return root


def folder(root, place, **options):
    return ImageFolder(root=root, image_size=8, cache_dir=place / "cache", **options)


def copy(root, source, target):
    """The same pixels in another format, and other bytes."""
    Image.open(root / source).save(root / target)


def test_what_is_in_two_splits_is_left_out_of_training_by_name(tmp_path):
    root = divided(tmp_path / "photos")
    clean = folder(root, tmp_path).splits()
    copy(root, "test/cat/000.png", "train/dog/copy.bmp")
    copy(root, "test/cat/001.png", "val/cat/copy.bmp")
    copy(root, "val/dog/002.png", "train/dog/other.bmp")
    copy(root, "train/dog/003.png", "train/dog/twice.bmp")  # within a split nothing leaks
    for _ in range(2):  # decoded, and read from the cache
        with pytest.warns(UserWarning, match="3 pictures in .* are in two splits") as caught:
            splits = folder(root, tmp_path).splits()
        message = str(caught[0].message)
        assert "train/dog/copy.bmp = test/cat/000.png" in message
        assert "val/cat/copy.bmp = test/cat/001.png" in message
        assert "--data.duplicates keep" in message
        assert splits.test.digest() == clean.test.digest()
        assert splits.validation.digest() == clean.validation.digest()
        assert {*splits.files["train"]} == {*clean.files["train"], "train/dog/twice.bmp"}
        assert len(splits.files["train"]) == len(splits.train) == 9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = folder(root, tmp_path, duplicates="keep").splits()
        assert (len(kept.train), len(kept.validation)) == (11, 9)
        parts = folder(root, tmp_path, duplicates="keep").parts()
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [11, 9, 8]


def test_labels_stay_with_their_pictures(tmp_path):
    root = divided(tmp_path / "photos")
    copy(root, "test/dog/000.png", "train/cat/002.png")
    with pytest.warns(UserWarning, match="1 pictures"):
        splits = folder(root, tmp_path).splits()
    for part in ("train", "validation", "test"):
        images = getattr(splits, part)
        for name, image, label in zip(
            splits.files[part], images.images, images.labels, strict=True
        ):
            assert name.split("/")[1] == images.classes[label]
            alone = pictures(tmp_path / f"{part}-{name}".replace("/", "_"), count=2)
            Image.open(root / name).save(alone / "cat" / "000.png")
            again = folder(alone, tmp_path).parts()["all"].images[0]
            assert torch.equal(again, image)


def test_random_division_leaks_nothing(tmp_path):
    root = pictures(tmp_path / "photos", count=20)
    for i in range(10):
        copy(root, f"cat/{i:03}.png", f"cat/{i:03}.bmp")
    with pytest.warns(UserWarning, match="in two splits"):
        splits = folder(root, tmp_path).splits()
    seen = {
        name: {image.numpy().tobytes() for image in getattr(splits, name).images}
        for name in ("train", "validation", "test")
    }
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


def test_a_split_that_is_all_in_another_is_refused(tmp_path):
    root = divided(tmp_path / "photos")
    for path in (root / "test").rglob("*.png"):
        Image.open(path).save(root / "val" / path.relative_to(root / "test"))
    with pytest.raises(ValueError, match=r"nothing else is left of validation: .*duplicates keep"):
        folder(root, tmp_path).splits()


def test_a_table_whose_splits_move_is_read_anew(tmp_path):
    """The same names in the same order, but another boundary between the splits."""
    root = pictures(tmp_path / "p", classes=("a", "b"), count=6)
    Image.open(root / "a" / "000.png").save(root / "a" / "001.png")

    def table(first):
        rows = [
            f"{k}/{i:03}.png,{k},{'test' if i < first else 'train'}" for k in "ab" for i in range(6)
        ]
        (tmp_path / "t.csv").write_text("image,label,split\n" + "\n".join(rows) + "\n")
        data = LabelTable(
            table=tmp_path / "t.csv",
            root=root,
            image_size=8,
            cache_dir=tmp_path / "cache",
            validation_share=0.0,
        )
        return data.splits()

    with pytest.warns(UserWarning, match="a/001.png = a/000.png"):
        assert len(table(1).train) == 9
    assert len(table(2).train) == 8


def noisy(seed, size=(120, 90)):
    """A picture of large patches."""
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def test_pictures_that_look_alike_are_found(tmp_path):
    originals = [noisy(seed) for seed in range(60)]
    noisy(3).save(tmp_path / "again.jpg", quality=60)
    changed = [
        Image.open(tmp_path / "again.jpg").convert("RGB"),
        noisy(4).resize((60, 45)),
        noisy(5).point(lambda value: value * 0.9 + 8),
        Image.new("RGB", (50, 50), "white"),
        Image.new("RGB", (60, 50), "white"),
    ]
    pairs = near_pairs([sketch(picture) for picture in (*originals, *changed)])
    assert pairs == [(3, 60), (4, 61), (5, 62)]
    assert near_pairs([]) == []


def test_no_near_pair_is_missed(tmp_path):
    """Against every pair compared with every other."""
    random = np.random.default_rng(0)
    sketches = [random.integers(0, 256, (8, 9)).astype(np.uint8) for _ in range(300)]
    for i in range(0, 100, 2):
        noise = random.integers(-6, 7, (8, 9))
        sketches[i + 1] = np.clip(sketches[i] + noise, 0, 255).astype(np.uint8)
    bits = [(s[:, :-1] > s[:, 1:]) for s in sketches]
    level = [s - s.mean() for s in sketches]
    expected = [
        (i, j)
        for i in range(300)
        for j in range(i + 1, 300)
        if (bits[i] != bits[j]).sum() <= 3 and abs(level[i] - level[j]).mean() <= 10
    ]
    assert near_pairs(sketches) == expected
    assert 20 < len(expected) <= 50


def test_check_lists_near_pictures_and_names_the_worst(tmp_path):
    for k, label in enumerate(("cat", "dog")):
        (tmp_path / label).mkdir()
        for i in range(8):
            noisy(10 * k + i).save(tmp_path / label / f"{i}.png")
    noisy(2).save(tmp_path / "dog" / "like.jpg", quality=50)
    report = check_images(tmp_path)
    assert report.alike == (("cat/2.png", "dog/like.jpg"),)
    lines = str(report).splitlines()
    assert "alike      cat/2.png: dog/like.jpg" in lines
    line = next(line for line in lines if line.startswith("1 pairs of pictures look alike"))
    assert "1 of them in two classes" in line


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ([(100, 100), (100, 81)], ""),
        ([(100, 80)] * 9, ""),
        (
            [(400, 300)] * 9 + [(100, 100)],
            "9 of 10 .* --image-size 192x256, which suits nearly all",
        ),
        ([(300, 400)] * 9, "9 of 9 .* --image-size 256x192"),
        ([(100, 300), (300, 100), (100, 100)], "2 of 3 pictures .* --data.fit pad .*stretch"),
    ],
)
def test_what_a_square_cuts_off_is_counted(sizes, line):
    found = describe_proportions(sizes)
    assert re.fullmatch(f"{line}.*", found) if line else not found
