"""Hashes of recipes and default directories are what they were before: runs are found again."""

from functools import partial

import numpy as np
import pytest

from selfdistill import SKDSAM, create_backbone, recipes
from selfdistill.config import parse
from selfdistill.config.python_objects import settings_of
from selfdistill.data import Digits
from selfdistill.training.number_format import default_directory

LINES = {
    "a name for everything": ["--config=cifar100/strong", "--method=BYOT", "--lr=0.05"],
    "another optimizer": ["--config=digits", "--optimizer=AdamW", "--lr=1e-3"],
    "another schedule": ["--config=digits", "--schedule=OneCycleLR", "--schedule.max_lr=0.1"],
    "a shorter warm-up": ["--config=cifar100/strong", "--epochs=2", "--seed=3"],
    "an end of its own": ["--config=digits", "--schedule.T_max=7"],
    "mixing and an adversary": ["--config=digits", "--mixing=Mixup", "--adversary.steps=2"],
    "an added augmentation": ["--config=digits", "--augment+=Cutout", "--augment+=Rotation"],
    "averaged weights": ["--config=digits", "--ema-decay=0.99", "--accumulation=2"],
    "no flag and a seed": ["--config=digits", "--decay-biases=false", "--seed=5"],
    "pictures from scratch": ["--data=photos", "--method=SKDSAM", "--epochs=3"],
    "pictures finetuned": ["--data=photos", "--backbone=resnet18", "--backbone.pretrained"],
    "a size of their own": ["--data=photos", "--backbone=small", "--image-size=40"],
    "a table": ["--data=photos.csv", "--epochs=2"],
    "a hub's set": ["--data=hf:owner/pictures", "--backbone=wrn_16_2"],
    "a start": ["--config=digits", "--init=weights.safetensors"],
    "a teacher": ["--config=digits", "--method=KD", "--method.teacher=./weights.safetensors"],
    "weights in a file": ["--data=photos", "--backbone.pretrained=weights.safetensors"],
}
KNOWN = {
    "cifar100/author": ("2dd46522e848", "runs/cifar100/author/SKDSAMReleased-baf30593/seed0"),
    "cifar100/strong": ("696b314b33f1", "runs/cifar100/strong/SKDSAM-9728ce3e/seed0"),
    "cifar100/strong_cutout": ("10decdb9890e", "runs/cifar100/strong_cutout/SKDSAM-667d515e/seed0"),
    "cifar100/thesis": ("7699d8e481c6", "runs/cifar100/thesis/SKDSAM-c50bcfbb/seed0"),
    "cifar100/thesis_cutout": ("792b4ce60a8b", "runs/cifar100/thesis_cutout/SKDSAM-980da94f/seed0"),
    "cifar100/two_cores": ("feadc8538c21", "runs/cifar100/two_cores/SKDSAM-0d49781b/seed0"),
    "digits": ("945a97a4442d", "runs/digits/SKDSAM-096ad8d2/seed0"),
    "finetune": ("6eb8d786fec7", "runs/finetune/photos/SKDSAM-7c772159/seed0"),
    "scratch": ("3dbf25d3cc21", "runs/scratch/photos/SKDSAM-7b844c18/seed0"),
    "tiny_imagenet/small": ("6995e55c7e2e", "runs/tiny_imagenet/small/SKDSAM-44891fa7/seed0"),
    "tiny_imagenet/thesis": ("1ea523aec230", "runs/tiny_imagenet/thesis/SKDSAM-bbeebcf1/seed0"),
    "tiny_imagenet/thesis_cutout": (
        "d6386c0b4447",
        "runs/tiny_imagenet/thesis_cutout/SKDSAM-0efdbd7b/seed0",
    ),
    "a name for everything": ("9b7358df44fb", "runs/cifar100/strong/BYOT-375e63af/seed0"),
    "another optimizer": ("e34248a04c22", "runs/digits/SKDSAM-7a1abcc1/seed0"),
    "another schedule": ("894f4cc66fda", "runs/digits/SKDSAM-fb6dcfe4/seed0"),
    "a shorter warm-up": ("a7d80f538252", "runs/cifar100/strong/SKDSAM-fb37435e/seed3"),
    "an end of its own": ("1d5f5e4b70e3", "runs/digits/SKDSAM-99e1ee2a/seed0"),
    "mixing and an adversary": ("dbc13f14faf5", "runs/digits/SKDSAM-3bdefeaa/seed0"),
    "an added augmentation": ("2131ed0dc181", "runs/digits/SKDSAM-eccfd2a2/seed0"),
    "averaged weights": ("f0cd8a71ca5e", "runs/digits/SKDSAM-27915b07/seed0"),
    "no flag and a seed": ("fcb3429c4014", "runs/digits/SKDSAM-871c93a6/seed5"),
    "pictures from scratch": ("ea453fa5a7f1", "runs/scratch/photos/SKDSAM-33973d06/seed0"),
    "pictures finetuned": ("817de12a2e7f", "runs/finetune/photos/SKDSAM-8b82cc9f/seed0"),
    "a size of their own": ("274af23ae3df", "runs/scratch/photos/SKDSAM-814b5a0f/seed0"),
    "a table": ("44df014cfd6a", "runs/scratch/photos/SKDSAM-08403cb2/seed0"),
    "a hub's set": ("8e9556c95665", "runs/scratch/SKDSAM-14366f1f/seed0"),
    "a start": ("86e8c8d9cf72", "runs/digits/SKDSAM-460910cd/seed0"),
    "a teacher": ("689773877d3d", "runs/digits/KD-ae950737/seed0"),
    "weights in a file": ("1406a4f59e1e", "runs/finetune/photos/SKDSAM-c41b3489/seed0"),
    "passed splits": ("726be9e9f73c", "runs/digits/SKDSAM-c02e6989/seed0"),
    "a passed set": ("702535902ac7", "runs/scratch/CrossEntropy-71f1b287/seed0"),
    "passed pairs": ("767da89bbff6", "runs/scratch/SKDSAM-a6ae4ace/seed0"),
    "a passed network": ("3e41ca2f638c", "runs/digits/SKDSAM-e34acf66/seed0"),
    "passed images and network": ("d6f06b95f796", "runs/digits/SKDSAM-c0d34772/seed2"),
    "a partial": ("d8deefab6bd9", "runs/digits/SKDSAM-5ceb27de/seed0"),
}
NOTHING = {"config": None, "data": None, "backbone": None, "method": None, "options": {}}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos.csv").touch()
    (tmp_path / "weights.safetensors").write_bytes(b"weights")


def identity(settings):
    return settings.recipe.hash(), default_directory(settings.recipe).as_posix()


@pytest.mark.parametrize("name", recipes.names())
def test_a_shipped_recipe_is_known_again(name):
    own = name in ("scratch", "finetune")
    words = [f"--config={name}", *(["--data=photos"] if own else [])]
    assert identity(parse(words)) == KNOWN[name]


@pytest.mark.parametrize("line", LINES)
def test_options_make_the_same_recipe(line):
    assert identity(parse(LINES[line])) == KNOWN[line]


def passed():
    images = Digits(train_per_class=3).splits()
    network = create_backbone("small", 10)
    pairs = [(np.full((8, 8, 3), i, np.uint8), i % 2) for i in range(40)]
    small = {"backbone": "small", "method": "CrossEntropy", "options": {"epochs": 2}}
    return {
        "passed splits": {"config": "digits", "data": images},
        "a passed set": {"data": images.train, **small},
        "passed pairs": {"data": pairs, "backbone": "small", "options": {"image_size": 32}},
        "a passed network": {"config": "digits", "backbone": network},
        "passed images and network": {
            **{"config": "digits", "data": images, "backbone": network},
            "options": {"seed": 2},
        },
        "a partial": {"config": "digits", "method": partial(SKDSAM, temperature=2.0)},
    }


@pytest.mark.parametrize("call", passed())
def test_objects_of_python_make_the_same_recipe(call):
    assert identity(settings_of(**{**NOTHING, **passed()[call]})) == KNOWN[call]
