"""Python's calls are the commands: the same recipe, the same numbers."""

import json
import re
import warnings
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file
from torch import nn

import selfdistill as sd
from selfdistill import api, recipes
from selfdistill.backbones import create_backbone
from selfdistill.config import parse
from selfdistill.config.python_objects import settings_of
from selfdistill.data import Digits, ImageFolder, ImageSet, split_in_memory
from selfdistill.inspection import evaluate
from selfdistill.training import train

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
    assert called.recipe == typed.recipe
    assert called.execution == typed.execution


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
        evaluate(run.path, split=None)


def test_divided_images_are_stratified_and_disjoint():
    images = ImageSet.from_dataset(Shades(), image_size=16)
    splits = split_in_memory(images)
    parts = (splits.train, splits.validation, splits.test)
    assert [part.labels.bincount().tolist() for part in parts] == [[14, 14], [3, 3], [3, 3]]
    rows = [image.numpy().tobytes() for part in parts for image in part.images]
    assert len(set(rows)) == len(images)
    assert split_in_memory(images, split_seed=1).digest() != splits.digest()


def test_a_network_of_ones_own(tmp_path):
    backbone = tapped(2)
    data = split_in_memory(ImageSet.from_dataset(Shades(), image_size=32))
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
    arguments = settings.recipe.values["data"]["init_args"]
    assert (arguments["image_size"], arguments["split_seed"]) == (48, 2)
    recipe = partial(settings_of, config="cifar100/two_cores", backbone=None, method=None)
    assert recipe(data=Shades(), options={}).ingredients.data.splits().train.images.shape[2] == 32
    sized = recipe(data=Shades(), options={"image-size": 40})
    assert sized.ingredients.data.splits().train.images.shape[2] == 40


def test_passed_objects_are_told_apart():
    ask = partial(settings_of, config=None, data=Shades(), method=None, options={})
    one, other = (ask(backbone=create_backbone(name, 2)) for name in ("resnet18", "resnet50"))
    assert one.recipe.hash() != other.recipe.hash()
    other = ask(data=Shades(44), backbone=create_backbone("resnet18", 2))
    assert one.recipe.hash() != other.recipe.hash()
    with pytest.raises(ValueError, match="beside a network that is passed"):
        ask(backbone=create_backbone("resnet18", 2), options={"backbone.width": 8})


class Mine(sd.Method):
    def forward(self, images, labels):
        logits = self.backbone(images)
        return sd.Output({"labels": nn.functional.cross_entropy(logits, labels)}, logits)


def local():
    class Inner(Mine):
        pass

    return Inner


PASSED = {
    "a module": ({"backbone": nn.Linear(2, 2)}, r"backbone is a Linear, whose stages .* sd.Tapped"),
    "a class of networks": ({"backbone": nn.Linear}, "backbone is the class Linear: give"),
    "a network's path": ({"backbone": Path("net.pt")}, "backbone is a PosixPath: give a network"),
    "a function": ({"backbone": tapped}, "backbone is a function: give a network's name"),
    "a method": ({"method": Mine(tapped(2))}, "method is a Mine that exists already: give its"),
    "an optimizer": ({"method": torch.optim.SGD}, "method is the class SGD: give a name, a class"),
    "a function for a method": ({"method": local}, "method is a function: give a name, a class"),
    "a number for a method": ({"method": 3}, "method is an int: give a name"),
    "a partial of something": ({"method": partial(nn.Linear, 3)}, "method is the class Linear"),
    "unnamed options": ({"method": partial(sd.BYOT, 3)}, "a partial of BYOT with 1 arguments"),
    "a local class": ({"method": local()}, r"method is local.<locals>.Inner, which only its"),
    "an object as an option": (
        {"method": partial(sd.BYOT, temperature=object())},
        "method.temperature is an object: give what the command takes",
    ),
    "a loader": ({"data": torch.utils.data.DataLoader([1])}, "data is a DataLoader: pass its data"),
    "several sets": ({"data": {"train": Shades()}}, "data is a dict: give a path"),
    "a class of sets": ({"data": Digits}, "data is the class Digits: give a path"),
    "an array": ({"data": np.zeros((3, 8, 8, 3))}, "data is a ndarray: give a path"),
    "a tensor": ({"data": torch.zeros(3, 3, 8, 8)}, "data is a Tensor: give a path"),
    "a number": ({"data": 3}, "data is an int: give a path"),
    "something without a length": ({"data": iter([1])}, "data is a list_iterator: give a path"),
    "a recipe": ({"config": {"epochs": 3}}, "config is a dict: give a recipe's name or file"),
    "a list of options": ({"options": ["lr"]}, "options is a list: give them by name"),
    "an option": ({"options": {"optimizer": torch.optim.SGD}}, "optimizer is the class SGD: give"),
    "epochs": ({"epochs": object()}, "epochs is an object: give what the command takes"),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", PASSED)
def test_objects_of_unforeseen_kinds_are_refused(name, tmp_path):
    given, message = PASSED[name]
    with pytest.raises(ValueError, match=message):
        sd.train(**{"data": Shades(), "out": tmp_path, "method": "CrossEntropy", **given})


@pytest.mark.usefixtures("unchecked")
def test_objects_that_stand_for_options_are_taken(tmp_path):
    class Own(Digits):
        pass

    class Place:
        def __fspath__(self):
            return str(tmp_path)

    ask = partial(settings_of, config="digits", backbone=None, method=None)
    plain = ask(data=Digits(), options={"epochs": 5, "optimizer.lr": 0.5})
    other = {"epochs": np.int64(5), "optimizer.lr": torch.tensor(0.5), "out": Place()}
    assert ask(data=Digits(), options=other).recipe.values == plain.recipe.values
    assert ask(data=Digits(), options=other).execution.out == tmp_path
    assert ask(data=Place(), options={}).recipe.paths["data.root"] == str(tmp_path)
    assert ask(data=Own(), options={}).recipe.values["data"]["class_path"] == "passed in Python"
    assert ask(data=Digits(), options={}).backbone is None
    mine = settings_of(config="digits", data=None, backbone=None, method=Mine, options={})
    assert mine.recipe.values["method"]["class_path"].endswith("Mine")


@pytest.mark.usefixtures("unchecked")
def test_arguments_that_are_not_there_are_said():
    with pytest.raises(TypeError, match=r"has no argument 'optimizer': .* options=\{'optimizer'"):
        sd.train(optimizer="SGD")
    with pytest.raises(TypeError, match="has no argument 'epoch': did you mean epochs"):
        sd.train(epoch=3)
    with pytest.raises(TypeError, match="by name"):
        sd.train("photos")
    settings = settings_of(
        config="digits", data=None, backbone=None, method=None, options={"lr": 3}
    )
    assert settings.recipe.values["optimizer"]["init_args"]["lr"] == 3


def test_names_and_looks():
    assert dir(sd) == sorted({*sd.__all__, "__version__"})
    assert sd.Output._fields == ("terms", "logits")
    assert all(getattr(sd, name) is not None for name in dir(sd))


def test_type_checkers_see_the_names_that_load_late():
    text = Path(sd.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"^    from \S+ import (\w+) as \1$", text, re.M)) == set(sd.__all__)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "one"
    return sd.train(
        data=Shades(),
        backbone="small",
        method="CrossEntropy",
        out=out,
        epochs=2,
        batch_size=7,
        options=SMALL,
    )


@pytest.mark.usefixtures("unchecked")
def test_a_folder_of_runs_is_compared(finished):
    tables = [sd.compare(runs) for runs in (finished, [finished], finished.path.parent)]
    assert len({str(table) for table in tables}) == 1
    assert repr(tables[0]) == "<Table of 1 rows; print it, or show it in a notebook>"
    with pytest.raises(ValueError, match="runs holds a int: give runs"):
        sd.compare([3])
    with pytest.raises(ValueError, match="runs is empty"):
        sd.compare([])


@pytest.mark.usefixtures("unchecked")
def test_pictures_of_every_kind_are_classified(finished, tmp_path):
    model = finished.load()
    assert repr(model) == (
        "<Model: SmallNet for 2 classes (dark, light), pictures of 32 × 32 pixels>"
    )
    picture = Shades()[1][0]
    picture.save(tmp_path / "a.png")
    pixels = np.asarray(picture)
    expected = model.predict(picture)
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    for same in (tmp_path / "a.png", str(tmp_path / "a.png"), pixels, tensor, tensor / 255):
        assert model.predict(same) == expected
    for same in ([picture] * 2, (picture for _ in range(2)), np.stack([pixels] * 2)):
        answers = model.predict(same, top_k=1)
        assert [[choice.name for choice in answer] for answer in answers] == [["light"]] * 2
        for (choice,) in answers:  # a batch of two rounds otherwise than one picture
            assert choice.probability == pytest.approx(expected[0].probability, abs=1e-5)
    assert model.predict([]) == []
    assert sd.load(finished, network=create_backbone("small", 2, width=8)).predict(picture)
    for wrong, message in (
        (tmp_path, "is a folder: give its pictures, as a list of paths"),
        (np.zeros((8, 8, 3)), "the picture is neither a PIL image, nor an array of bytes"),
        (3, "pictures is a int: give a path"),
        ({"a": 1}, "pictures is a dict"),
        ([None], "the picture is neither"),
    ):
        with pytest.raises(ValueError, match=message):
            model.predict(wrong)
    for wrong in (0, -1, 2.5, "5", None):
        with pytest.raises(ValueError, match="top_k is"):
            model.predict(picture, top_k=wrong)
    for given, message in (
        ({"path": model}, "path is a Model: give a run directory"),
        ({"path": finished, "network": nn.Linear}, "network is a type: make the module"),
    ):
        with pytest.raises(ValueError, match=message):
            sd.load(**given)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": nn.Linear(2, 2)}, "name is a Linear: give a network's name"),
        ({"num_classes": "10"}, "num_classes is '10': it must be a whole number"),
        ({"num_classes": 2.5}, "num_classes is 2.5: it must be a whole number"),
        ({"width": True}, "width is True: it must be a whole number"),
        ({"image_size": (32, "32")}, "image_size is '32': it must be a whole number"),
        ({"image_size": (3, 32, 32)}, "image_size is .3, 32, 32.: give height and width"),
        ({"pretrained": {"fc.weight": 1}}, "pretrained is a dict: give True, or a file"),
    ],
)
def test_networks_of_unforeseen_arguments_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        create_backbone(**{"name": "small", "num_classes": 3, **given})
    assert create_backbone("small", np.int64(3)).num_classes == 3


@pytest.mark.usefixtures("unchecked")
def test_the_contract_is_checked_of_classes_alone():
    for wrong in (Mine(tapped(5)), "Mine", None):
        with pytest.raises(ValueError, match=r"build is a .*: give a method's class"):
            sd.testing.check_method(wrong)
    with pytest.raises(AssertionError, match="it makes a Linear, which is not derived from Method"):
        sd.testing.check_method(lambda backbone: nn.Linear(2, 2))


@pytest.mark.parametrize("content", ["{", "[1]", "\x00"])
def test_a_damaged_summary_is_told_with_its_file(tmp_path, content):
    (tmp_path / "summary.json").write_text(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(tmp_path / 'summary.json'))} "):
        _ = sd.Run(tmp_path).summary


def test_options_of_a_data_set_beside_passed_images_are_refused(tmp_path):
    images = Digits().splits()
    with pytest.raises(ValueError, match=r"--data.seed beside images that are passed"):
        sd.train(data=images, config="digits", options={"data.seed": 3}, out=tmp_path)


def test_warnings_are_lines_as_the_commands_print_them(tmp_path, monkeypatch):
    shown = []

    def warn(settings):
        for kind in (UserWarning, FutureWarning):
            shown.append(warnings.formatwarning(kind("too few\n images"), kind, "engine.py", 7))
        return tmp_path

    monkeypatch.setattr(api, "train_run", warn)
    sd.train(config="digits")
    assert shown[0] == "warning: too few images\n"
    assert shown[1] == warnings.formatwarning("too few\n images", FutureWarning, "engine.py", 7)


def test_a_run_with_a_passed_network_is_finished_when_it_is_called_again(tmp_path, capsys):
    options = {name: SMALL[name] for name in SMALL if name != "backbone.width"}
    called = {"config": "digits", "backbone": tapped(10), "epochs": 2, "out": tmp_path / "run"}
    one = sd.train(**called, method="CrossEntropy", options=options).summary["weights"]
    capsys.readouterr()
    assert sd.train(**called, method="CrossEntropy", options=options).summary["weights"] == one
    assert "is finished already" in capsys.readouterr().out


def test_pairs_are_as_large_as_the_recipe_that_is_named_says(tmp_path):
    recipe = yaml.safe_load(Path(recipes.find("scratch")).read_text())
    recipe["data"] = {"class_path": "ImageFolder", "init_args": {"image_size": 16}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(recipe))
    named = {"config": str(tmp_path / "own.yaml"), "data": Shades(), "backbone": "small"}
    settings = settings_of(**named, method="CrossEntropy", options={})
    assert settings.data.splits().train.images.shape[2:] == (16, 16)
    settings = settings_of(**named, method="CrossEntropy", options={"data.image_size": 24})
    assert settings.data.splits().train.images.shape[2:] == (24, 24)


def test_a_call_leaves_the_settings_of_torch_as_they_were(tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        options = {**SMALL, "warmup_epochs": 0, "deterministic": False, "method": "CrossEntropy"}
        sd.train(config="digits", epochs=1, out=tmp_path / "run", options=options)
        assert torch.get_num_threads() == 2
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        with pytest.raises(ValueError, match="choose another --out"):
            sd.train(config="digits", epochs=2, out=tmp_path / "run", options=options)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(False)
