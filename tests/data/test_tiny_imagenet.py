"""A miniature in the official layout of Tiny ImageNet."""

import numpy as np
import pytest
import torch
from PIL import Image

from selfdistill.data import TinyImageNet
from selfdistill.preprocessing import center

WNIDS = {"n02": "crane, bird", "n01": "goldfish, Carassius auratus", "n03": "crane"}


@pytest.fixture
def official(tmp_path):
    folder = tmp_path / "tiny-imagenet-200"
    random = np.random.default_rng(0)

    def picture(path, mode="RGB"):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(path)

    for wnid in WNIDS:
        for i in range(4):
            picture(folder / "train" / wnid / "images" / f"{wnid}_{i}.JPEG", "RGB" if i else "L")
    lines = []
    for i, wnid in enumerate(["n03", "n01", "n02", "n01"]):
        picture(folder / "val" / "images" / f"val_{i}.JPEG")
        lines.append(f"val_{i}.JPEG\t{wnid}\t0\t0\t9\t9\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    (folder / "wnids.txt").write_text("\n".join(WNIDS) + "\n")
    (folder / "words.txt").write_text("".join(f"{k}\t{v}\n" for k, v in WNIDS.items()))
    return folder


@pytest.fixture
def make(official, tmp_path):
    def make(**options):
        return TinyImageNet(root=tmp_path, cache_dir=tmp_path / "cache", **options)

    return make


def test_labels_follow_folders_and_annotations(make):
    splits = make().splits()
    assert splits.train.classes == ("goldfish", "crane (n02)", "crane (n03)")
    assert splits.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert splits.test.labels.tolist() == [2, 0, 1, 0]
    assert splits.validation is None


def test_pixels_are_the_files_own_and_grey_is_repeated(make, official):
    images = make(image_size=64).splits().train.images
    colour = np.asarray(Image.open(official / "train" / "n01" / "images" / "n01_1.JPEG"))
    assert np.array_equal(images[1].permute(1, 2, 0).numpy(), colour)
    grey = np.asarray(Image.open(official / "train" / "n01" / "images" / "n01_0.JPEG"))
    assert np.array_equal(images[0].numpy(), np.broadcast_to(grey, (3, 64, 64)))


def test_half_the_size_is_what_pil_makes_of_the_file(make, official):
    for image, name in zip(make().splits().train.images[:4], range(4), strict=True):
        picture = Image.open(official / "train" / "n01" / "images" / f"n01_{name}.JPEG")
        scaled = picture.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR)
        expected = torch.from_numpy(np.array(scaled)).permute(2, 0, 1)
        assert (image.int() - expected.int()).abs().max() <= 1


def test_validation_is_set_aside_from_training(make):
    splits = make(validation_per_class=1, train_per_class=2).splits()
    assert splits.validation.labels.tolist() == [0, 1, 2]
    assert splits.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    pixels = splits.train.images.flatten(1)
    assert not (splits.validation.images.flatten(1)[:, None] == pixels).all(2).any()


def drop_line(folder):
    path = folder / "val" / "val_annotations.txt"
    path.write_text("\n".join(path.read_text().splitlines()[1:]))


def unknown_class(folder):
    path = folder / "val" / "val_annotations.txt"
    path.write_text(path.read_text().replace("n03", "n09"))


def cut(folder):
    path = folder / "train" / "n01" / "images" / "n01_2.JPEG"
    path.write_bytes(path.read_bytes()[:-500])


FAULTS = [
    (drop_line, "no line for val/images/val_0.JPEG"),
    (unknown_class, "unknown class 'n09' to val/images/val_0.JPEG"),
    (cut, "1 of 12 files in .*train cannot be read: train/n01/images/n01_2.JPEG"),
    (lambda f: (f / "val" / "images" / "val_1.JPEG").unlink(), "names 1 pictures .* val_1.JPEG"),
    (lambda f: (f / "words.txt").write_text("n01\tgoldfish\n"), "no line for class 'n02'"),
    (lambda f: (f / "train" / "n02").rename(f / "train" / "n07"), "n02/images is missing"),
    (lambda f: (f / "wnids.txt").write_bytes(b"\xff"), "wnids.txt is not UTF-8 text"),
    (lambda f: (f / "wnids.txt").unlink(), "wnids.txt is missing: point --data.root"),
    (lambda f: (f / "val" / "val_annotations.txt").unlink(), "val_annotations.txt is missing"),
]


@pytest.mark.parametrize(("spoil", "message"), FAULTS)
def test_what_is_wrong_is_said_in_a_line(make, official, spoil, message):
    spoil(official)
    with pytest.raises(ValueError, match=message) as caught:
        make().splits()
    assert "\n" not in str(caught.value)


def test_sizes_are_checked(make):
    with pytest.raises(ValueError, match="image size 65"):
        make(image_size=65)


def test_training_images_can_be_kept_larger_than_the_network_sees(make):
    splits, plain = (
        make(image_size=32, train_size=size, validation_per_class=1).splits() for size in (64, None)
    )
    assert splits.train.images.shape[2] == 64
    assert splits.input_size == 32
    assert torch.equal(splits.test.images, plain.test.images)
    assert torch.equal(splits.validation.images, plain.validation.images)
    assert torch.equal(center(splits.train.images, (32, 32)), plain.train.images)
    assert splits.preprocessing.crop_share == 1
    with pytest.raises(ValueError, match="training size 16 must be within image size 32 to 64"):
        make(image_size=32, train_size=16)
