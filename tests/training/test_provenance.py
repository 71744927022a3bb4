"""Runs that build on trained weights."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from selfdistill.config import Recipe, composing, parse
from selfdistill.inspection import evaluate
from selfdistill.training import train
from selfdistill.training.building import build_method

SPLIT = ["--data.validation-per-class", "3"]


@pytest.fixture
def words(words):
    return [*words, *SPLIT, "--epochs", "2"]


def test_a_teacher_is_named_by_its_weights(finished, words, tmp_path):
    words = [*words, "--method", "KD", "--out", str(tmp_path / "kd")]
    train(parse([*words, "--method.teacher", str(finished)]))
    recipe = yaml.safe_load((tmp_path / "kd" / "recipe.yaml").read_text())
    assert recipe["method"]["init_args"]["teacher"].startswith("sha256:")
    state = load_file(tmp_path / "kd" / "model" / "model.safetensors")
    assert not any("teacher" in name for name in state)
    assert not (tmp_path / "kd" / "attachments").exists()
    checkpoint = sorted((tmp_path / "kd" / "checkpoints").glob("*.pt"))[-1]
    assert not any("teacher" in name for name in torch.load(checkpoint)["method"])
    moved = shutil.copytree(finished, tmp_path / "moved")
    again = train(parse([*words, "--method.teacher", str(moved)]))
    assert again == tmp_path / "kd"
    moved.rename(tmp_path / "gone")
    assert evaluate(again, split="validation").exits.keys() == {"network"}


def test_its_recipe_repeats_a_run_with_a_teacher(finished, words, tmp_path):
    words = [*words, "--method", "KD", "--method.teacher", str(finished)]
    first = train(parse([*words, "--out", str(tmp_path / "a")]))
    recipe = ["--config", str(first / "recipe.yaml"), "--threads", "1"]
    second = train(parse([*recipe, "--out", str(tmp_path / "b")]))
    one, other = (load_file(run / "model" / "model.safetensors") for run in (first, second))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("option", ["--method.teacher", "--init"])
def test_weights_from_another_division_are_refused(finished, words, tmp_path, option):
    method = ["--method", "KD"] if option == "--method.teacher" else []
    words = [*words, *method, option, str(finished), "--out", str(tmp_path)]
    with pytest.raises(ValueError, match="trained on another division of Digits"):
        train(parse([*words, "--data.split-seed", "1"]))


def test_init_starts_from_weights(finished, words, tmp_path):
    trained = load_file(finished / "model" / "model.safetensors")
    for path in (finished, finished / "model", finished / "model" / "model.safetensors"):
        settings = parse([*words, "--init", str(path)])
        method = build_method(settings.ingredients, settings.ingredients.data.splits())
        state = method.backbone.network.state_dict()
        assert all(torch.equal(state[name], value) for name, value in trained.items())
        assert settings.recipe.values["init"].startswith("sha256:")


def test_a_classifier_for_other_classes_is_left_new(finished, words, tmp_path):
    trained = load_file(finished / "model" / "model.safetensors")
    (head,) = (name for name, value in trained.items() if value.ndim == 2)
    save_file({**trained, head: torch.zeros(7, trained[head].shape[1])}, tmp_path / "x.safetensors")
    settings = parse([*words, "--init", str(tmp_path / "x.safetensors")])
    method = build_method(settings.ingredients, settings.ingredients.data.splits())
    state = method.backbone.network.state_dict()
    assert state[head].shape[0] == 10
    others = [name for name in trained if name != head]
    assert all(torch.equal(state[name], trained[name]) for name in others)


def renamed(finished, place, **changes):
    """A copy of a run's model folder whose description says otherwise."""
    folder = shutil.copytree(finished / "model", place)
    config = json.loads((folder / "config.json").read_text())
    config["pretrained_cfg"] |= {k: v for k, v in changes.items() if k in ("mean", "std")}
    config["label_names"] = changes.get("classes", config["label_names"])
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_init_puts_the_classifier_into_the_order_of_the_classes(finished, words, tmp_path, capsys):
    folder = renamed(finished, tmp_path / "model", classes=list("9876543210"))
    settings = parse([*words, "--init", str(folder)])
    state = build_method(settings.ingredients, settings.ingredients.data.splits()).backbone.network
    trained = load_file(folder / "model.safetensors")
    assert "classifier is reordered" in capsys.readouterr().out
    for name, value in state.state_dict().items():
        assert torch.equal(
            value, trained[name].flip(0) if name.startswith("fc.") else trained[name]
        )


def test_init_leaves_the_classifier_new_for_other_names(finished, words, tmp_path, capsys):
    folder = renamed(finished, tmp_path / "model", classes=list("abcdefghij"))
    settings = parse([*words, "--init", str(folder)])
    state = build_method(settings.ingredients, settings.ingredients.data.splits()).backbone.network
    trained = load_file(folder / "model.safetensors")
    assert "knows other classes: the classifier is new (fc.weight" in capsys.readouterr().out
    differing = {n for n, v in state.state_dict().items() if not torch.equal(v, trained[n])}
    assert differing == {"fc.weight", "fc.bias"}


def test_a_teacher_is_adapted_in_training(finished, words, tmp_path, capsys):
    words = [*words, "--method", "KD", "--epochs", "1", "--warmup-epochs", "0"]
    other = renamed(finished, tmp_path / "other", mean=[0.1] * 3, classes=list("9876543210"))
    train(parse([*words, "--method.teacher", str(other), "--out", str(tmp_path / "kd")]))
    said = capsys.readouterr().out
    assert f"teacher {other}: images are standardised" in said
    assert "; its classes are put into the order" in said
    strange = renamed(finished, tmp_path / "strange", classes=list("abcdefghij"))
    with pytest.raises(ValueError, match="trained on other classes"):
        train(parse([*words, "--method.teacher", str(strange), "--out", str(tmp_path / "no")]))


def test_weights_of_another_network_are_refused(finished, words):
    settings = parse([*words, "--init", str(finished), "--backbone.width", "12"])
    with pytest.raises(ValueError, match="weights of another network"):
        build_method(settings.ingredients, settings.ingredients.data.splits())
    with pytest.raises(ValueError, match="does not exist"):
        parse([*words, "--init", "nowhere"])


def test_the_model_folder_says_where_it_comes_from(finished):
    origin = json.loads((finished / "model" / "config.json").read_text())["origin"]
    assert origin["data"] == "Digits"
    assert origin["method"] == "SKDSAM"


GUIDED = """
from pathlib import Path
import selfdistill as sd
import torch

class Guided(sd.Method):
    weight_arguments = ("guide",)
    def __init__(self, backbone, *, guide: str | Path | sd.Backbone | None = None):
        super().__init__(backbone)
        if guide is not None:
            self.guided = torch.nn.Linear(2, 2)
        print("guided by", guide)
    def forward(self, images, labels):
        logits = self.backbone(images)
        return sd.Output({"labels": sd.losses.cross_entropy(logits, labels).mean()}, logits)
"""


@pytest.fixture
def guided(words, tmp_path, monkeypatch):
    """Words of a run of one's own method that takes trained weights, from its own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_guided.py").write_text(GUIDED)
    yield [*words, "--method", "own_guided.Guided"]
    sys.modules.pop("own_guided", None)


def test_its_recipe_repeats_a_run_with_weights_of_an_own_name(finished, guided, capsys):
    train(parse([*guided, "--method.guide", str(finished), "--out", "a"]))
    recipe = yaml.safe_load(Path("a/recipe.yaml").read_text())
    assert recipe["method"]["init_args"]["guide"].startswith("sha256:")
    capsys.readouterr()
    repeated = ["--config", "a/recipe.yaml", "--threads", "1", "--out", "b"]
    train(parse(repeated))
    assert f"guided by {finished}\n" in capsys.readouterr().out
    with pytest.raises(ValueError, match="trained on another division of Digits"):
        train(parse([*repeated[:-1], "c", "--data.split-seed", "1"]))
    other = Path("other.safetensors")
    save_file({"weight": torch.zeros(1)}, other)
    place = yaml.safe_load(Path("a/place.yaml").read_text())
    place["whereabouts"]["method.guide"] = str(other)
    Path("a/place.yaml").write_text(yaml.safe_dump(place))
    with pytest.raises(ValueError, match=r"other\.safetensors no longer holds the weights"):
        parse(repeated)


@pytest.mark.parametrize("option", ["init", "method.guide"])
def test_weights_that_nobody_has_are_not_trained_with(finished, guided, option):
    words = [*guided, f"--{option}", str(finished)]
    words += ["--method.guide", str(finished)] if option == "init" else []
    train(parse([*words, "--out", "a"]))
    place = yaml.safe_load(Path("a/place.yaml").read_text())
    del place["whereabouts"][option]
    Path("a/place.yaml").write_text(yaml.safe_dump(place))
    with pytest.raises(ValueError, match=f"nobody says where .* with --{option}"):
        train(parse(["--config", "a/recipe.yaml", "--threads", "1", "--out", "b"]))
    assert not Path("b/recipe.yaml").exists()


def test_a_place_says_where_weights_lie_that_the_recipe_names_and_no_more(finished):
    place = {"init": str(finished), "method.temperature": "9", "method.teacher": str(finished)}
    recipe = Recipe.from_file("digits")
    opened = composing.OpenedRecipes(dict(recipe.values) | {"format": 1}, place)
    del opened.tree["format"]
    reading, _ = composing.compose(opened, [])
    assert reading.values == recipe.values
    assert reading.paths == recipe.paths


def test_a_run_whose_weights_are_optional_is_looked_at_without_them(finished, guided):
    for out, further in (("a", []), ("b", ["--method.guide", str(finished)])):
        run = train(parse([*guided, *further, "--out", out]))
        assert evaluate(run, split="validation").exits.keys() == {"network"}
