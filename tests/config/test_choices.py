"""Which classes and options a recipe can name, and how soon what it says is refused."""

import sys

import pytest
import torch
import yaml

import selfdistill as sd
from selfdistill import cli
from selfdistill.config import Recipe, composing, parse, resolving
from selfdistill.config.registry import find_class
from selfdistill.data import Cutout, Digits, ImageFolder

OWN = """
from dataclasses import dataclass
import selfdistill as sd
from selfdistill.data import Augmentation
from selfdistill.methods import CrossEntropy, Method, Output

class Cutout(Augmentation):
    draws_per_image = 0
    def apply(self, images, draws): return images

class SKDSAM(Method):
    def __init__(self, backbone, *, teacher: str = "strict") -> None:
        super().__init__(backbone)
        self.teacher = teacher
    def forward(self, images, labels) -> Output:
        logits = self.backbone(images)
        return Output({"loss": logits.mean()}, logits)

class Turning(SKDSAM):
    turns_images = True
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_choices.py").write_text(OWN)
    yield tmp_path
    sys.modules.pop("own_choices", None)


def test_a_plain_name_means_the_shipped_class(folder):
    own = find_class("augment", "own_choices.Cutout")
    assert own is not Cutout
    assert find_class("augment", "Cutout") is Cutout
    steps = ["--augment", "[Cutout, own_choices.Cutout]"]
    recipe = parse(["--config", "digits", *steps, "--method", "own_choices.SKDSAM"]).recipe
    names = [step["class_path"] for step in recipe.values["augment"]]
    assert names == ["Cutout", "own_choices.Cutout"]
    assert recipe.values["method"]["class_path"] == "own_choices.SKDSAM"


def test_only_what_a_method_declares_names_trained_weights(folder):
    words = ["--config", "digits", "--method", "own_choices.SKDSAM", "--method.teacher", "lenient"]
    recipe = parse(words).recipe
    assert recipe.values["method"]["init_args"] == {"teacher": "lenient"}
    assert recipe.paths == {}


def test_a_former_name_of_an_attribute_is_refused(folder):
    with pytest.raises(ValueError, match="turns_images is called rotates_images now"):
        find_class("method", "own_choices.Turning")


def test_a_recipe_is_read_once(monkeypatch):
    calls = []
    for module in (composing, resolving):
        read = resolving.check_recipe
        monkeypatch.setattr(
            module, "check_recipe", lambda *a, read=read, **k: calls.append(1) or read(*a, **k)
        )
    settings = parse(["--config", "digits", "--method.temperature", "2"])
    assert settings.ingredients.method.keywords["temperature"] == 2.0
    assert len(calls) == 1
    assert Recipe(settings.recipe.values).build().epochs == settings.ingredients.epochs


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("method.temperature", -1, "^--method.temperature -1.0 must be greater than 0"),
        ("method.attention", "lerned", "expected one of learned"),
        ("optimizer.lr", -1, "--optimizer cannot work with its options: Invalid learning rate"),
        ("epochs", 0, "epochs=0 must be at least 1"),
    ],
)
def test_values_are_checked_before_images_are_read(tmp_path, monkeypatch, option, value, message):
    class Unread(Digits):
        def splits(self):
            raise AssertionError("images were read")

    class Pairs:
        classes = ("a", "b")

        def __len__(self):
            return 40

        def __getitem__(self, index):
            raise AssertionError("images were read")

    monkeypatch.setattr(ImageFolder, "splits", Unread.splits)
    with pytest.raises(ValueError, match=message):
        parse(["--data", str(tmp_path), "--backbone", "small", f"--{option}={value}"])
    for data in (str(tmp_path), Unread(), Pairs()):
        with pytest.raises(ValueError, match=message):
            sd.train(data=data, config="scratch", backbone="small", options={option: value})


def test_what_another_network_goes_with_is_not_refused_before_the_network_is_known():
    words = ["--config", "digits", "--method", "LOTH", "--method.growth"]
    assert parse([*words, "1.3"]).ingredients.method.keywords["growth"] == 1.3
    with pytest.raises(ValueError, match=r"^--method\.growth -1\.0 must be greater than 0$"):
        parse([*words, "-1"])
    words = ["--config", "digits", "--method", "RotationExits", "--method.turns", "2"]
    assert parse(words).ingredients.method.keywords["turns"] == 2


def test_trying_options_leaves_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    parse(["--config", "digits", "--method", "FRSKD"])
    assert torch.equal(torch.rand(2), expected)


def test_milestones_that_are_no_list_are_refused_in_plain_words():
    words = ["--config=digits", "--schedule=MultiStepLR", "--schedule.milestones=1"]
    with pytest.raises(
        ValueError, match=r"^--schedule\.milestones 1: expected a list of whole numbers$"
    ):
        parse(words)


def test_what_a_file_lacks_is_said_with_the_file(tmp_path):
    recipe = dict(parse(["--config", "digits"]).recipe.values)
    del recipe["schedule"]
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(recipe))
    with pytest.raises(ValueError, match=r"mine\.yaml: schedule missing: write it there, or give"):
        parse(["--config", str(file)])
    with pytest.raises(ValueError, match=r"^method, .* missing: choose a recipe with --config"):
        parse(["--data", "digits"])


def test_shown_values_are_yaml_s(capsys, tmp_path):
    words = ["--config", "digits", "--threads", "2", "--overwrite", "--out", str(tmp_path / "1")]
    with pytest.raises(SystemExit):
        parse([*words, "--data", "CIFAR10", "--data.download=true", "--print_config"])
    shown = yaml.safe_load(capsys.readouterr().out)
    assert (shown["threads"], shown["overwrite"], shown["test"]) == (2, True, False)
    assert shown["data"]["init_args"]["download"] is True
    assert shown["out"] == str(tmp_path / "1")


@pytest.mark.parametrize("group", ["augment", "method", "mixing"])
def test_help_without_a_name_lists_the_classes(group, capsys):
    with pytest.raises(SystemExit):
        parse([f"--{group}.help"])
    shown = capsys.readouterr().out
    assert f"--{group}.help NAME shows" in shown
    assert {"augment": "Cutout ", "method": "SKDSAM ", "mixing": "CutMix "}[group] in shown


def test_help_of_a_class_ignores_case(capsys):
    with pytest.raises(SystemExit):
        parse(["--augment.help", "cutout"])
    assert "  length: 16\n" in capsys.readouterr().out


def test_the_augment_command_shows_help_without_a_recipe(capsys):
    with pytest.raises(SystemExit):
        cli.main(["augment", "--augment.help", "Cutout"])
    assert "  length: 16\n" in capsys.readouterr().out
