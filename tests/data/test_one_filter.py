"""Training crops, test pictures, `predict` and timm's own transform see the same pixels."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from selfdistill.backbones import create_backbone
from selfdistill.data import (
    Digits,
    Flip,
    ImageFolder,
    ImageSet,
    LabelTable,
    Pipeline,
    Preprocessing,
    RandomResizedCrop,
    TinyImageNet,
)
from selfdistill.data.images.prepare import stored_size
from selfdistill.deployment import load, model_folder
from selfdistill.preprocessing import fit_picture, share_shown

SIZES = ((64, 64), (140, 103), (91, 200), (47, 61), (333, 128))


def draw(path, size, seed):
    """Noise, finer than what is kept of it: where filters differ most."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def tiny_imagenet(place, **options):
    folder = place / "tiny-imagenet-200"
    for i, wnid in enumerate(("n01", "n02")):
        draw(folder / "train" / wnid / "images" / f"{wnid}_0.JPEG", (64, 64), i)
        draw(folder / "val" / "images" / f"val_{i}.JPEG", (64, 64), 9 + i)
    lines = [f"val_{i}.JPEG\t{wnid}\t0\t0\t9\t9\n" for i, wnid in enumerate(("n01", "n02"))]
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    (folder / "wnids.txt").write_text("n01\nn02\n")
    (folder / "words.txt").write_text("n01\tgoldfish\nn02\tcrane\n")
    splits = TinyImageNet(root=place, cache_dir=place / "cache", **options).splits()
    trained = sorted(folder.glob("train/*/images/*"))
    return splits, trained, sorted(folder.glob("val/images/*"))


def folder(place, image_size, **options):
    for k, label in enumerate(("cat", "dog")):
        for i, size in enumerate(SIZES):
            draw(place / label / f"{i}.png", size, (k, i))
    options = {"image_size": image_size, "cache_dir": place / "cache", **options}
    splits = ImageFolder(root=place, **options).splits()
    return splits, *([place / name for name in splits.files[part]] for part in ("train", "test"))


def table(place, image_size):
    lines = ["image,label"]
    for i, size in enumerate(SIZES * 2):
        draw(place / "pictures" / f"{i}.png", size, i)
        lines.append(f"pictures/{i}.png,{'ab'[i % 2]}")
    (place / "all.csv").write_text("\n".join(lines) + "\n")
    splits = LabelTable(
        table=place / "all.csv", root=place, image_size=image_size, cache_dir=place / "cache"
    ).splits()
    return splits, *([place / name for name in splits.files[part]] for part in ("train", "test"))


def digits(place):
    splits, files = Digits().splits(), []
    for part in (splits.train, splits.test):
        names = [place / f"{len(files)}-{i}.png" for i in range(3)]
        for name, image in zip(names, part.images, strict=False):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(name)
        files.append(names)
    return splits, *files


PATHS = {
    "digits": digits,
    "tiny_imagenet/thesis": lambda place: tiny_imagenet(place, image_size=32, train_size=64),
    "tiny_imagenet/small": lambda place: tiny_imagenet(place, image_size=32),
    "tiny_imagenet 48": lambda place: tiny_imagenet(place, image_size=48, train_size=64),
    "tiny_imagenet 64": lambda place: tiny_imagenet(place, image_size=64),
    "folder 48": lambda place: folder(place, 48),
    "folder 64": lambda place: folder(place, 64),
    "folder 80": lambda place: folder(place, 80),
    "folder 65": lambda place: folder(place, 65),
    "table 40": lambda place: table(place, 40),
    "table 98": lambda place: table(place, 98),
    "folder 48x72": lambda place: folder(place, (48, 72)),
    "folder 120x72": lambda place: folder(place, (120, 72)),
    "folder 60x100": lambda place: folder(place, (60, 100)),
    "padded 48": lambda place: folder(place, 48, fit="pad"),
    "padded 80": lambda place: folder(place, 80, fit="pad"),
    "padded 60x90": lambda place: folder(place, (60, 90), fit="pad"),
    "stretched 65": lambda place: folder(place, 65, fit="stretch"),
    "stretched 90x60": lambda place: folder(place, (90, 60), fit="stretch"),
}


def trained_pictures(images, preprocessing):
    """The training crop of what evaluation would look at of the same picture."""
    (height, width), (stored_height, stored_width) = preprocessing.size, images.shape[2:]
    area = 1.0
    if preprocessing.crop_share < 1:
        area = height * width / (stored_height * stored_width)
    crop = RandomResizedCrop(scale=(area, area), ratio=(1.0, 1.0)).sized((height, width))
    return crop.apply(images, torch.full((len(images), 4), 0.5))


def timm_pictures(settings, files):
    import timm

    config = timm.data.resolve_data_config(pretrained_cfg=settings)
    transform = timm.data.create_transform(**config)
    images = torch.stack([transform(Image.open(file).convert("RGB")) for file in files])
    mean, std = (torch.tensor(config[name])[:, None, None] for name in ("mean", "std"))
    return (images * std + mean) * 255


@pytest.mark.parametrize("path", PATHS)
def test_one_filter(path, tmp_path):
    splits, trained, tested = PATHS[path](tmp_path)
    size = splits.preprocessing.size
    backbone = create_backbone("small", len(splits.train.classes), image_size=size, width=4)
    files = model_folder.model_files(
        backbone,
        classes=splits.train.classes,
        preprocessing=splits.preprocessing,
        origin={},
    )
    (tmp_path / "model").mkdir()
    for name, content in files.items():
        (tmp_path / "model" / name).write_bytes(content)
    transform = load(tmp_path / "model").transform
    mean, std = (torch.tensor(t)[:, None, None] for t in (transform.mean, transform.std))
    settings = json.loads(files["config.json"])["pretrained_cfg"]
    for shown, names in (
        (trained_pictures(splits.train.images, splits.preprocessing), trained),
        (splits.preprocessing.center(splits.train.images), trained),
        (splits.preprocessing.center(splits.test.images), tested),
    ):
        names = names[:4]
        predicted = torch.stack([transform(Image.open(name)) for name in names]) * std + mean
        assert (predicted * 255 - shown[: len(names)].float()).abs().max() < 1.01
        torch.testing.assert_close(
            timm_pictures(settings, names), predicted * 255, atol=1e-3, rtol=0
        )


@pytest.mark.parametrize("path", ["tiny_imagenet 48", "folder 80", "folder 120x72", "padded 80"])
def test_without_a_random_crop_training_sees_what_evaluation_sees(path, tmp_path):
    splits = PATHS[path](tmp_path)[0]
    pipeline = Pipeline([Flip()], splits.preprocessing)
    seen = pipeline.apply(splits.train.images, torch.ones(len(splits.train), 1))
    shown = splits.preprocessing.center(splits.train.images)
    assert torch.equal(seen, splits.preprocessing.standardise(shown))


@pytest.mark.parametrize("size", [(48, 48), (36, 60), (60, 36)])
def test_all_of_a_picture_is_kept_unless_it_is_cut(size):
    """White corners stay in the picture; borders get the mean, and next to no share of the rest."""
    for width, height in SIZES:
        pixels = np.zeros((height, width, 3), np.uint8)
        corner = height // 4, width // 4
        pixels[: corner[0], : corner[1]] = pixels[-corner[0] :, -corner[1] :] = 255
        picture = Image.fromarray(pixels)
        padded = np.asarray(fit_picture(picture, size, fit="pad", fill=(255, 0, 0)))
        red = (padded == (255, 0, 0)).all(2)
        inside = padded[~red.all(1)][:, ~red.all(0)]
        assert inside.shape[0] * width == pytest.approx(inside.shape[1] * height, rel=0.06)
        assert inside.shape[0] == size[0] or inside.shape[1] == size[1]
        stretched = np.asarray(fit_picture(picture, size, fit="stretch"))
        for whole in (inside, stretched):
            assert whole[0, 0].min() == whole[-1, -1].min() == 255
            assert whole[0, -1].max() == whole[-1, 0].max() == 0
            assert whole.mean() / 255 == pytest.approx(2 / 16, abs=0.02)


def test_what_python_passes_is_scaled_as_predict_scales_it(tmp_path):
    pictures = []
    for i, size in enumerate(SIZES):
        draw(tmp_path / f"{i}.png", size, i)
        pictures.append((Image.open(tmp_path / f"{i}.png"), i % 2))
    images = ImageSet.from_dataset(pictures, image_size=24)
    settings = {"input_size": (3, 24, 24), "interpolation": "bilinear", "crop_pct": 1.0}
    expected = timm_pictures(settings, [tmp_path / f"{i}.png" for i in range(len(SIZES))])
    torch.testing.assert_close(images.images.float(), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(224, 320), (192, 256), (256, 192), (120, 72), (300, 480)])
def test_what_is_stored_follows_from_one_share_where_sides_differ(size):
    stored = stored_size(size)
    share = share_shown(size, stored)
    assert tuple(math.floor(side / share) for side in size) == stored
    assert all((kept - seen) % 4 == 0 for kept, seen in zip(stored, size, strict=True))
    assert 0.8 <= share < 0.95
    assert stored_size((60, 64)) == (60, 64)


@pytest.mark.parametrize("size", range(65, 400, 7))
def test_the_stored_square_leaves_about_an_eighth(size):
    stored, _ = stored_size((size, size))
    assert (stored - size) % 4 == 0
    assert abs(size / stored - 0.875) < 0.03


@pytest.mark.parametrize(
    ("said", "expected"), [("bicubic", Image.Resampling.BICUBIC), (None, Image.Resampling.BILINEAR)]
)
def test_a_model_folder_is_read_with_the_filter_that_it_names(tmp_path, said, expected):
    place = _folder(tmp_path, said)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8))
    pixels = torch.from_numpy(np.array(picture.resize((16, 16), expected))).permute(2, 0, 1)
    torch.testing.assert_close(load(place).transform(picture) * 255, pixels.float())


def test_another_filter_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"config\.json: .*interpolation is 'random'"):
        load(_folder(tmp_path, "random"))


def _folder(place: Path, interpolation):
    backbone = create_backbone("small", 2, image_size=16, width=4)
    files = model_folder.model_files(
        backbone,
        classes=("a", "b"),
        preprocessing=Preprocessing((16, 16), (0.0,) * 3, (1.0,) * 3),
        origin={},
    )
    config = json.loads(files["config.json"])
    del config["pretrained_cfg"]["interpolation"]
    if interpolation:
        config["pretrained_cfg"]["interpolation"] = interpolation
    (place / "config.json").write_text(json.dumps(config))
    (place / "model.safetensors").write_bytes(files["model.safetensors"])
    return place
