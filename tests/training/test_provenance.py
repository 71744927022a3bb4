"""Runs that build on trained weights."""

import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from selfdistill.training import parse, train
from selfdistill.training.evaluate import evaluate
from selfdistill.training.run import build_method

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
    assert evaluate(again, split="validation", words=["--threads", "1"]).keys() == {"network"}


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
        method = build_method(settings.recipe, settings.recipe.data.splits())
        state = method.backbone.network.state_dict()
        assert all(torch.equal(state[name], value) for name, value in trained.items())
        assert settings.resolved["init"].startswith("sha256:")


def test_a_classifier_for_other_classes_is_left_new(finished, words, tmp_path):
    trained = load_file(finished / "model" / "model.safetensors")
    (head,) = (name for name, value in trained.items() if value.ndim == 2)
    save_file({**trained, head: torch.zeros(7, trained[head].shape[1])}, tmp_path / "x.safetensors")
    settings = parse([*words, "--init", str(tmp_path / "x.safetensors")])
    method = build_method(settings.recipe, settings.recipe.data.splits())
    state = method.backbone.network.state_dict()
    assert state[head].shape[0] == 10
    others = [name for name in trained if name != head]
    assert all(torch.equal(state[name], trained[name]) for name in others)


def test_weights_of_another_network_are_refused(finished, words):
    settings = parse([*words, "--init", str(finished), "--backbone.width", "12"])
    with pytest.raises(ValueError, match="weights of another network"):
        build_method(settings.recipe, settings.recipe.data.splits())
    with pytest.raises(ValueError, match="does not exist"):
        parse([*words, "--init", "nowhere"])


def test_the_model_folder_says_where_it_comes_from(finished):
    origin = json.loads((finished / "model" / "config.json").read_text())["origin"]
    assert origin["data"] == "Digits"
    assert origin["method"] == "SKDSAM"
