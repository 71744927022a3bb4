"""Python's calls are the commands: the same recipe, the same numbers."""

import json
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

import selfdistill as sd
from selfdistill.backbones import create_backbone
from selfdistill.data import Digits, ImageFolder, ImageSet
from selfdistill.data.in_memory import divided
from selfdistill.training import fingerprint, parse, train
from selfdistill.training.evaluate import evaluate
from selfdistill.training.passed import settings_of

SMALL = {"backbone.width": 8, "warmup_epochs": 1, "precision": "fp32", "threads": 1}
SHORT = {"epochs": 2, "batch_size": 16}


class Shades:
    """Pairs in the style of torchvision: dark and light pictures."""

    classes = ("dark", "light")

    def __init__(self, count=40):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        pixels = np.random.default_rng(index).integers(0, 90, (40, 50, 3)) + 160 * (index % 2)
        return Image.fromarray(pixels.astype(np.uint8)), index % 2


def tapped(classes):
    torch.manual_seed(0)
    widths = (3, 8, 8, 8)
    network = nn.Sequential()
    for number, (before, after) in enumerate(pairwise(widths)):
        stage = nn.Sequential(nn.Conv2d(before, after, 3, 2, 1), nn.ReLU())
        network.add_module(f"stage{number}", stage)
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("flat", nn.Flatten())
    network.add_module("fc", nn.Linear(8, classes))
    return sd.Tapped(network, ["stage0", "stage1", "stage2"], input_size=(3, 32, 32))


def test_a_call_and_its_command_train_the_same_network(tmp_path):
    words = "--config digits --data Digits --data.train-per-class 10 --method SKDSAM"
    words += " --method.temperature 2 --backbone small --backbone.width 8 --epochs 2"
    words += " --warmup-epochs 1 --batch-size 16 --precision fp32 --threads 1 --seed 3"
    command = train(parse([*words.split(), "--out", str(tmp_path / "command")]))
    run = sd.train(
        config="digits",
        data=Digits(train_per_class=10),
        backbone="small",
        method=partial(sd.SKDSAM, temperature=2.0),
        seed=3,
        out=tmp_path / "call",
        options=SMALL,
        **SHORT,
    )
    assert (run.path / "recipe.yaml").read_text() == (command / "recipe.yaml").read_text()
    weights, others = (load_file(path / "model/model.safetensors") for path in (run.path, command))
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    summary = json.loads((command / "summary.json").read_text())
    assert run.summary["recipe_hash"] == summary["recipe_hash"]


def test_defaults_are_the_commands(tmp_path):
    for number in range(8):
        for name, (picture, _) in zip(Shades.classes, (Shades()[0], Shades()[1]), strict=True):
            (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
            picture.save(tmp_path / "photos" / name / f"{number}.png")
    photos = tmp_path / "photos"
    called = settings_of(config=None, data=photos, backbone=None, method=None, options={})
    typed = parse(["--data", str(photos)])
    assert called[2:] == typed[2:]
    assert called.place == typed.place


def test_runs_compare_as_text_and_as_a_notebook_table(tmp_path):
    runs = [
        sd.train(config="digits", method=method, out=tmp_path / method, options=SMALL, **SHORT)
        for method in ("CrossEntropy", "SKDSAM")
    ]
    table = sd.compare(runs)
    assert "CrossEntropy" in str(table)
    html = table._repr_html_()
    assert html.startswith("<table>")
    assert html.count("<tr>") == 3
    assert sd.compare([str(run.path) for run in runs])._repr_html_() == html


def test_pairs_in_the_style_of_torchvision(tmp_path):
    call = partial(sd.train, backbone="small", out=tmp_path / "run", options=SMALL, epochs=4)
    run = call(data=Shades(), method="CrossEntropy", batch_size=7)
    assert run.summary["images"] == {"train": 28, "validation": 6, "test": 6}
    assert run.load().classes == Shades.classes
    before = (run.path / "summary.json").stat().st_mtime_ns
    call(data=Shades(), method="CrossEntropy", batch_size=7)
    assert (run.path / "summary.json").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="passed in Python: name others with --data"):
        evaluate(run.path, split=None, words=[])


def test_divided_images_are_stratified_and_disjoint():
    images = ImageSet.from_dataset(Shades(), image_size=16)
    splits = divided(images)
    parts = (splits.train, splits.validation, splits.test)
    assert [part.labels.bincount().tolist() for part in parts] == [[14, 14], [3, 3], [3, 3]]
    rows = [image.numpy().tobytes() for part in parts for image in part.images]
    assert len(set(rows)) == len(images)
    assert divided(images, split_seed=1).digest() != splits.digest()


def test_a_network_of_ones_own(tmp_path):
    backbone = tapped(2)
    data = divided(ImageSet.from_dataset(Shades(), image_size=32))
    run = sd.train(
        data=data, backbone=backbone, method=sd.SKDSAM, out=tmp_path / "run", epochs=4, batch_size=7
    )
    with pytest.raises(ValueError, match="Sequential, which has no name here"):
        run.load()
    fresh = tapped(2).network
    model = sd.load(run, network=fresh)
    trained, untouched = fresh.state_dict(), tapped(2).network.state_dict()
    assert not any(torch.equal(trained[name], untouched[name]) for name in trained)
    assert all(torch.equal(backbone.network.state_dict()[n], untouched[n]) for n in untouched)
    assert len(model.predict(Shades()[0][0])) == 2
    with pytest.raises(ValueError, match="does not hold the weights of this network"):
        sd.load(run, network=nn.Linear(2, 2))
    with pytest.raises(ValueError, match="build it for these"):
        sd.train(
            data=data, backbone=tapped(5), method="CrossEntropy", out=tmp_path / "no", epochs=4
        )


def test_mistakes_are_the_commands_too(tmp_path):
    with pytest.raises(ValueError, match="unknown option --epoch: did you mean --epochs"):
        sd.train(config="digits", options={"epoch": 3})
    with pytest.raises(ValueError, match="nothing lies there"):
        sd.train(data=tmp_path / "photoz")


def test_own_images_as_objects_and_other_sizes(tmp_path):
    photos = tmp_path / "photos"
    for name in Shades.classes:
        (photos / name).mkdir(parents=True)
        for number in range(4):
            Shades()[number][0].save(photos / name / f"{number}.png")
    source = ImageFolder(root=photos, image_size=48, split_seed=2, validation_share=0.25)
    settings = settings_of(config=None, data=source, backbone="small", method=None, options={})
    arguments = settings.resolved["data"]["init_args"]
    assert (arguments["image_size"], arguments["split_seed"]) == (48, 2)
    recipe = partial(settings_of, config="cifar100/two_cores", backbone=None, method=None)
    assert recipe(data=Shades(), options={}).recipe.data.splits().train.images.shape[2] == 32
    sized = recipe(data=Shades(), options={"image-size": 40})
    assert sized.recipe.data.splits().train.images.shape[2] == 40


def test_passed_objects_are_told_apart():
    ask = partial(settings_of, config=None, data=Shades(), method=None, options={})
    one, other = (ask(backbone=create_backbone(name, 2)) for name in ("resnet18", "resnet50"))
    assert fingerprint(one.resolved) != fingerprint(other.resolved)
    other = ask(data=Shades(44), backbone=create_backbone("resnet18", 2))
    assert fingerprint(one.resolved) != fingerprint(other.resolved)
    with pytest.raises(ValueError, match="beside a network that is passed"):
        ask(backbone=create_backbone("resnet18", 2), options={"backbone.width": 8})
