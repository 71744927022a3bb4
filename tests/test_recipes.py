"""Every shipped recipe reads, and says what it is meant to say."""

import pytest

from selfdistill import recipes
from selfdistill.config import parse

LEGACY = {
    *("cifar100/thesis", "cifar100/thesis_cutout", "cifar100/author"),
    *("tiny_imagenet/thesis", "tiny_imagenet/thesis_cutout"),
}


OWN_IMAGES = {"scratch", "finetune"}


@pytest.mark.parametrize("name", sorted(OWN_IMAGES))
def test_a_recipe_for_pictures_of_ones_own_reads(name, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    settings = parse(["--config", name, "--data", str(photos)])
    assert settings.recipe.name == f"{name}/photos"
    assert settings.recipe.values["data"]["class_path"] == "ImageFolder"
    assert settings.recipe.values["data"]["init_args"]["image_size"] == 224
    assert not settings.ingredients.legacy_test_curve


@pytest.mark.parametrize("name", sorted({*recipes.names()} - OWN_IMAGES))
def test_a_recipe_reads(name):
    settings = parse(["--config", name])
    assert settings.recipe.name == name
    assert settings.ingredients.legacy_test_curve == (name in LEGACY)
    has_validation = settings.recipe.values["data"]["init_args"]["validation_per_class"] > 0
    assert has_validation == (name not in LEGACY | {"digits"})


def test_the_thesis_protocol():
    resolved = parse(["--config", "cifar100/thesis"]).recipe.values
    optimizer, schedule = resolved["optimizer"]["init_args"], resolved["schedule"]["init_args"]
    assert (optimizer["lr"], optimizer["momentum"], optimizer["weight_decay"]) == (0.1, 0.9, 1e-4)
    assert (schedule["milestones"], schedule["gamma"]) == ([100, 150], 0.1)
    assert (resolved["epochs"], resolved["batch_size"]) == (200, 128)
    assert resolved["backbone"]["name"] == "resnet18_cifar"


@pytest.mark.parametrize("name", ["thesis", "strong"])
def test_with_cutout_is_the_same_but_for_cutout(name):
    plain = parse(["--config", f"cifar100/{name}"]).recipe.values
    cutout = parse(["--config", f"cifar100/{name}_cutout"]).recipe.values
    *others, added = cutout["augment"]
    assert added == {"class_path": "Cutout", "init_args": {"length": 16}}
    assert {**cutout, "augment": others} == plain


def test_only_the_loop_and_the_column_labelled_so_know_the_legacy_curve():
    folder = recipes.FOLDER.parent
    readers = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if "test_curve_file" in path.read_text() or "test_curve.jsonl" in path.read_text()
    }
    assert readers == {
        "training/loop.py",
        "training/resuming.py",
        "runs/contents.py",
        "runs/directory.py",
        "reports/run.py",
    }
