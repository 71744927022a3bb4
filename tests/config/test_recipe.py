"""A recipe is a plain value: read, overridden, stored and built without words."""

import json
import pickle
import re

import pytest
import torch

from selfdistill.backbones import create_backbone
from selfdistill.config import Recipe, Settings, parse, read_changes
from selfdistill.data import Digits
from selfdistill.methods import KD


def test_a_recipe_of_a_file_is_that_of_words():
    assert Recipe.from_file("digits") == parse(["--config", "digits"]).recipe


def test_overriding_counts_as_words_do():
    changes = {
        "method": "BYOT",
        "optimizer.lr": 0.1,
        "epochs": 3,
        "mixing": {"class_path": "Mixup"},
    }
    words = ["--config=digits", "--method=BYOT", "--lr=0.1", "--epochs=3", "--mixing=Mixup"]
    base = Recipe.from_file("digits")
    assert base.override(changes) == parse(words).recipe
    assert base == Recipe.from_file("digits")
    with pytest.raises(ValueError, match=r"unknown option --optimizer\.lrr: did you mean"):
        base.override({"optimizer.lrr": 0.1})
    with pytest.raises(ValueError, match=r"--config digits: a run has its recipe"):
        base.override({"config": "digits"})


def test_values_and_paths_build_what_words_built(tmp_path):
    words = ["--data", str(tmp_path), "--image-size=40", "--backbone=small", "--schedule=LinearLR"]
    settings = parse(words)
    again = Recipe(json.loads(json.dumps(settings.recipe.values)), settings.recipe.paths)
    assert again.build().schedule.keywords == settings.ingredients.schedule.keywords
    assert again.build().schedule.keywords["total_iters"] == 57  # 60 epochs, 3 to warm up
    assert vars(again.build_data()) == vars(settings.ingredients.data)


def test_a_stored_recipe_needs_no_images(tmp_path):
    words = ["--data", str(tmp_path), "--backbone=small", "--config=scratch"]
    stored = {k: v for k, v in parse(words).recipe.values.items() if k != "ema_decay"}
    recipe = Recipe.from_dict(stored)
    assert recipe.values == parse(words).recipe.values
    assert recipe.paths == {}
    assert recipe.build_method().keywords["temperature"] == 3.0
    with pytest.raises(ValueError, match=r"^--data\.root is missing: give --data\.root ROOT$"):
        recipe.build_data()


def test_a_teacher_may_come_later():
    recipe = Recipe.from_options([("config", "digits"), ("method", "KD")], incomplete=True)
    assert recipe.build_method().func is KD
    assert "teacher" not in recipe.values["method"]["init_args"]
    with pytest.raises(
        ValueError, match=r"--method\.teacher is missing: give --method\.teacher RUN"
    ):
        Recipe.from_file("digits").override({"method": "KD"})


def test_settings_travel_as_plain_values():
    settings = parse(["--config=digits", "--threads=1"])
    assert isinstance(settings.ingredients.data, Digits)
    sent = pickle.dumps(settings.recipe)
    assert b"Digits" in sent
    assert b"selfdistill.data" not in sent
    assert pickle.loads(sent) == settings.recipe
    assert Settings(settings.recipe).execution.threads is None


def test_changes_of_words_are_values():
    changes, execution = read_changes(["--lr", "0.1", "--threads", "2", "--data", "digits"])
    assert changes == {"data": "Digits", "optimizer.lr": "0.1"}
    assert execution.threads == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("optimizer", {"class_path": "SGD", "init_args": {"lr": "{class_path: trap.Mine}"}}),
        ("optimizer", {"class_path": "Adam", "init_args": {"betas": ["trap.Mine", 0.9]}}),
        ("method", {"class_path": "KD", "init_args": {"teacher": "{class_path: trap.Mine}"}}),
    ],
)
def test_text_within_a_recipe_imports_nothing(tmp_path, monkeypatch, field, value):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "trap.py").write_text("raise AssertionError('this module must not be imported')")
    with pytest.raises(ValueError):  # noqa: PT011
        Recipe.from_options([("config", "digits"), ("config", json.dumps({field: value}))])


@pytest.mark.parametrize("option", ["epochs+", "seed+", "backbone.width+", "method.temperature+"])
def test_only_augmentations_are_added(option):
    with pytest.raises(ValueError, match=f"unknown option --{re.escape(option)}"):
        Recipe.from_options([("config", "digits"), (option, "3")])


def test_a_stored_teacher_may_look_like_something_to_import(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(create_backbone("small", 10).network.state_dict(), "t.v1")
    options = [("config", "digits"), ("method", "KD"), ("method.teacher", "./t.v1")]
    recipe = Recipe.from_options(options, incomplete=True)
    assert recipe.override({"seed": 1}, incomplete=True).paths == recipe.paths
