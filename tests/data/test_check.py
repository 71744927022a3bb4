"""Each kind of bad picture and bad folder has its documented verdict."""

import os
import re
import resource
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from selfdistill.config import parse
from selfdistill.data import ImageFolder
from selfdistill.data.images.check import FileCheck, check_file, check_images

NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def noise(mode="RGB"):
    return Image.fromarray(NOISE).convert(mode)


def claiming(width, height):
    """A small PNG whose header claims any size."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def rotated(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    noise().save(path, exif=exif)


def palette_with_transparency(path):
    noise("P").save(path, transparency=3)


def cut(path):
    noise().save(path)
    path.write_bytes(path.read_bytes()[:-900])


def scratched(path):
    noise().save(path)
    content = bytearray(path.read_bytes())
    content[100:200] = bytes(100)
    path.write_bytes(content)


def program(path):
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")


KINDS = {
    "plain.png": (lambda p: noise().save(p), "accepted", ""),
    "plain.jpg": (lambda p: noise().save(p), "accepted", ""),
    "plain.webp": (lambda p: noise().save(p), "accepted", ""),
    "zero.png": (lambda p: p.write_bytes(b""), "refused", "empty"),
    "text.jpg": (lambda p: p.write_text("hello"), "refused", "no image"),
    "program.jpg": (program, "refused", "no image"),
    "cut.jpg": (cut, "refused", "truncated"),
    "cut.png": (cut, "refused", "truncated"),
    "scratched.png": (scratched, "refused", "cannot be read"),
    "deep.png": (
        lambda p: Image.fromarray(np.uint16(NOISE[..., 0])).save(p),
        "converted",
        "16 bits",
    ),
    "dark.png": (
        lambda p: Image.fromarray(np.uint16(NOISE[..., 0]) << 4).save(p),
        "converted",
        "almost black, the largest value is 4080 of 65535",
    ),
    "fraction.tif": (lambda p: noise("F").save(p), "refused", "fractional"),
    "deeper.tif": (
        lambda p: Image.fromarray(np.int32(NOISE[..., 0]) << 16).save(p),
        "refused",
        "32 bits",
    ),
    "strip.png": (
        lambda p: Image.new("RGB", (100, 2001)).save(p),
        "refused",
        "one side is more than 20 times",
    ),
    "banner.png": (lambda p: Image.new("RGB", (2000, 100)).save(p), "accepted", ""),
    "telephone.jpg": (
        lambda p: p.write_bytes(b"\0\0\0\x18ftypheic" + bytes(99)),
        "refused",
        "HEIC: pip install pillow-heif",
    ),
    "cmyk.jpg": (lambda p: noise("CMYK").save(p), "converted", "CMYK"),
    "alpha.png": (lambda p: noise("RGBA").save(p), "converted", "white"),
    "grey_alpha.png": (lambda p: noise("LA").save(p), "converted", "white"),
    "palette.png": (lambda p: noise("P").save(p), "converted", "palette"),
    "clear.png": (palette_with_transparency, "converted", "white"),
    "grey.jpg": (lambda p: noise("L").save(p), "converted", "grey"),
    "bits.png": (lambda p: noise("1").save(p), "converted", "1 bit"),
    "moving.gif": (
        lambda p: noise().save(p, save_all=True, append_images=[noise("L")]),
        "converted",
        "several frames",
    ),
    "one.png": (lambda p: Image.new("RGB", (1, 1)).save(p), "refused", "1 × 1 pixels"),
    "bomb.png": (lambda p: p.write_bytes(claiming(60000, 60000)), "refused", "too many"),
    "none.png": (lambda p: p.write_bytes(claiming(0, 5)), "refused", ""),
    "turned.jpg": (rotated, "converted", "EXIF"),
    "liar.jpg": (lambda p: noise().save(p, "PNG"), "converted", "is PNG"),
    "link.jpg": (lambda p: p.symlink_to("nowhere"), "refused", "link"),
    "folder.jpg": (lambda p: p.mkdir(), "refused", "no file"),
    "pipe.jpg": (os.mkfifo, "refused", "no file"),
    "absent.jpg": (lambda p: None, "refused", "No such file"),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_has_its_verdict(tmp_path, name):
    make, kind, reason = KINDS[name]
    path = tmp_path / name
    make(path)
    before = path.read_bytes() if path.is_file() else None
    found = check_file(path)
    assert found.kind == kind, found
    assert reason in found.reason
    assert str(tmp_path) not in found.reason
    assert before is None or path.read_bytes() == before
    if before is not None:
        stored = check_file(before)
        assert (stored.kind, reason in stored.reason) == (kind, True) or "named" in found.reason


def test_unreadable_files_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "locked.png"
    noise().save(path)

    def locked(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", locked)
    assert check_file(path) == FileCheck("refused", "cannot be read: Permission denied")


def test_bombs_are_refused_without_unpacking_them(tmp_path):
    for name, size in (("a.png", (60000, 60000)), ("b.png", (12000, 12000))):
        (tmp_path / name).write_bytes(claiming(*size))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = check_file(tmp_path / name)
        assert found.kind == "refused"
        assert "too many" in found.reason
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def folder(root, classes=("cat", "dog"), count=40):
    for name in classes:
        (root / name).mkdir(parents=True)
        for i in range(count):
            noise().save(root / name / f"{i:02}.png")
    return root


def test_a_folder_is_told_what_becomes_of_it(tmp_path):
    root = folder(tmp_path)
    (root / "cat" / "00.png").write_bytes(b"")
    noise("L").save(root / "cat" / "01.png")
    (root / "readme.txt").write_text("")
    (root / ".hidden").mkdir()
    (root / "dog" / ".DS_Store").write_text("")
    for i in range(40):
        (root / "dog" / f"{i:02}.json").write_text("{}")
    report = check_images(root)
    assert {name: v.kind for name, v in report.files.items()} == {
        "cat/00.png": "refused",
        "cat/01.png": "converted",
    }
    named = {name for name in report.ignored if not name.endswith(".json")}
    assert named == {"readme.txt", ".hidden", "dog/.DS_Store"}
    lines = str(report).splitlines()
    assert len(lines) == 12
    assert lines[-5].startswith(
        "77 pictures repeat another, to the pixel, 1 of them in two classes"
    )
    assert lines[-2] == "40 other files ignored (.json)"
    assert lines[0].startswith("80 files: 78 accepted as they are, 1 converted, 1 left out")
    assert lines[1] == "refused    cat/00.png: is empty: it has no bytes"
    assert lines[-1].startswith("class folders only")


def test_a_table_is_told_what_becomes_of_it(tmp_path):
    root = folder(tmp_path / "photos")
    noise("L").save(root / "cat" / "01.png")
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))]
    table = tmp_path / "labels.csv"
    table.write_text("image,label\n" + "".join(f"{n},{n[:3]}\n" for n in names))
    report = check_images(table, root=root)
    assert (report.pictures, list(report.files), report.problem) == (80, ["cat/01.png"], "")
    assert str(check_images(table)).startswith(
        f"Training refuses this: {table} line 2: cat/00.png is not a "
    )


def test_a_folder_that_training_refuses_is_told_why(tmp_path):
    root = folder(tmp_path)
    for i in range(5):
        (root / "cat" / f"{i:02}.png").write_bytes(b"")
    assert "5 of 80 files" in check_images(root).problem
    assert "more than 5%" in str(check_images(root)).splitlines()[-1]


@pytest.mark.parametrize(
    ("folders", "problem"),
    [
        ({"cat": 5}, "single class 'cat'"),
        ({}, "no class folder"),
        ({"cat": 5, "dog": 0}, "'dog' has 0 usable"),
        ({"cat": 5, "dog": 2}, "'dog' has 2 usable"),
        (
            {"train/cat": 5, "train/dog": 5, "val/cat": 5, "val/cow": 5},
            "'cow' is missing from train",
        ),
        ({"train/cat": 5, "train/dog": 5, "val/dog": 5}, "'cat' is missing from val"),
        ({"train/cat": 5, "train/dog": 5, "val/cat": 5, "valid/cat": 5}, "val and valid"),
        ({"train/cat": 5, "val/cat": 5}, "single class 'cat'"),
        ({"train/cat": 5}, "single class 'cat'"),
        ({"train": 5}, "train holds no class folder"),
        (
            {"train/cat": 5, "train/dog": 5, "extra": 5},
            "holds train beside extra: expected is train beside val, valid, validation or test",
        ),
    ],
)
def test_folders_that_cannot_be_divided_are_named(tmp_path, folders, problem):
    for name, count in folders.items():
        folder(tmp_path, [name], count)
    assert problem in check_images(tmp_path).problem


def test_check_divides_before_it_leaves_out_as_training_does(tmp_path):
    """Else which pictures are trained on would depend on which can be read."""
    root = folder(tmp_path / "photos", classes=("cat", "dog"), count=40)
    data = ImageFolder(root=root, image_size=8, cache_dir=tmp_path / "cache", duplicates="keep")
    for name in data.divide(data.listing())["test"]["cat"][:3]:
        (root / name).write_bytes(b"")
    with pytest.warns(UserWarning, match="3 of 80 files"):
        count = len(data.splits().train)
    assert count == 56
    assert check_images(root).problem == ""


def test_a_class_of_which_nothing_to_train_on_can_be_read_is_refused_alike(tmp_path):
    root = folder(tmp_path / "photos", classes=("cat", "dog"), count=80)
    folder(root, classes=("cow",), count=10)
    data = ImageFolder(root=root, image_size=8, cache_dir=tmp_path / "cache")
    for name in data.divide(data.listing())["train"]["cow"]:
        (root / name).write_bytes(b"")
    message = "class 'cow' has no training picture that can be read: cow/"
    with pytest.raises(ValueError, match=message):
        data.splits()
    assert message in check_images(root).problem


def test_one_fault_hides_no_other(tmp_path):
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for number in range(4):
            picture = np.random.default_rng(number).integers(0, 255, (9, 9, 3), dtype=np.uint8)
            Image.fromarray(picture).save(tmp_path / name / f"{number}.png")
    (tmp_path / "ant" / "bad.png").write_bytes(b"nothing")
    (tmp_path / "cow").mkdir()
    (tmp_path / "dog").mkdir()
    said = str(check_images(tmp_path))
    assert "class 'cow' has 0 usable pictures and class 'dog' has 0 usable pictures" in said
    assert "refused    ant/bad.png: " in said
    assert "; 1 of 9 files in " in said
    assert "4 pictures repeat another, to the pixel, 4 of them in two classes: for example " in said


def test_pictures_of_test_that_are_in_train_are_counted(tmp_path):
    for split in ("train", "test"):
        for name in ("ant", "bee"):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(3):
                shade = 10 * number + 50 * (name == "bee") + 100 * (split == "test" and number > 0)
                Image.new("RGB", (9, 9), (shade, 0, 0)).save(
                    tmp_path / split / name / f"{number}.png"
                )
    said = str(check_images(tmp_path))
    assert "2 pictures repeat another, to the pixel, 2 of them in two splits: for example " in said
    assert "test/ant/0.png" in said


def test_a_pipe_is_no_table(tmp_path):
    os.mkfifo(tmp_path / "labels.csv")
    assert "labels.csv is not a regular file" in str(check_images(tmp_path / "labels.csv"))
    with pytest.raises(ValueError, match=r"labels\.csv: is neither a file nor a folder"):
        parse(["--data", str(tmp_path / "labels.csv")])


def test_a_table_of_many_columns_is_refused_in_a_short_line(tmp_path):
    (tmp_path / "wide.csv").write_text(",".join(f"column{n}" for n in range(200_000)))
    said = str(check_images(tmp_path / "wide.csv"))
    assert "column4 and 199995 more" in said
    assert len(said) < 1000


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_names_that_are_not_utf8_are_refused_alike_by_check_and_training(tmp_path):
    for name in (b"caf\xe9", b"th\xe9"):
        folder = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118
        os.mkdir(folder)  # noqa: PTH102
        for number in range(4):
            with open(os.path.join(folder, b"%d.png" % number), "wb") as file:  # noqa: PTH118, PTH123
                Image.new("RGB", (9, 9), (number, 0, 0)).save(file, "PNG")
    message = r"10 names in .* are not UTF-8, such as b'caf\\xe9': rename them"
    assert re.search(message, str(check_images(tmp_path)))
    with pytest.raises(ValueError, match=message):
        ImageFolder(root=tmp_path, cache_dir=tmp_path / "cache").splits()
