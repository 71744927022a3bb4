"""Runs that the tests of reports compare, made in memory."""

import json
from pathlib import Path

import numpy as np
import pytest

from selfdistill.reports.read_run import parse

RECIPE = {
    "format": 1,
    "data": {"class_path": "selfdistill.data.Digits", "init_args": {"split_seed": 0}},
    "backbone": {"name": "resnet8.small", "width": 16},
    "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1, "momentum": 0.9}},
    "augment": [{"class_path": "selfdistill.data.Crop", "init_args": {"padding": 2}}],
    "epochs": 40,
    "batch_size": 64,
    "precision": "32-true",
    "compile": False,
}
NAMES = ("<script>alert(1)</script>", "a & b", r"$x_1$ \%", "日本")


@pytest.fixture
def content():
    def build(
        method="CrossEntropy",
        *,
        seed=0,
        accuracy=95.0,
        nll=0.2,
        splits=("test",),
        speed=1000.0,
        environment=(),
        images=(),
        split_hash="0011223344",
        weights=None,
        recipe=(),
        **options,
    ):
        part = {"class_path": f"selfdistill.methods.{method}", "init_args": options}
        network = {
            "accuracy": accuracy,
            "top5": 99.0,
            "macro_accuracy": accuracy,
            "nll": nll,
            "ece": 2.5,
            "brier": 0.1,
        }
        scores = {
            "last": {"network": network, "exit1": network | {"accuracy": 1.0}},
            "best": {"accuracy": 99.9, "epoch": 3},
        }
        return {
            "format": 1,
            "recipe": RECIPE | {"method": part, "seed": seed} | dict(recipe),
            "name": method,
            "recipe_hash": "abc",
            "split_hash": split_hash,
            "weights": weights,
            "images": dict(images),
            "environment": {"device": "cpu", "processor": "x"} | dict(environment),
            "curve": {},
            "validation": scores if "validation" in splits else None,
            "test": {"last": scores["last"]} if "test" in splits else None,
            "cost": {
                "seconds": 20.0,
                "images_per_second": speed,
                "peak_memory_bytes": None,
                "parameters": 11_220_132,
                "training_parameters": 12_000_000,
            },
        }

    return build


@pytest.fixture
def run(content):
    def build(*arguments, path=None, **options):
        made = content(*arguments, **options)
        name = path or f"runs/{made['name']}-{made['recipe']['seed']}"
        return parse(made, Path(name))

    return build


@pytest.fixture
def runs(run):
    """Three seeds of one recipe, with the given accuracies."""

    def build(method, accuracies, **options):
        return [run(method, seed=k, accuracy=a, **options) for k, a in enumerate(accuracies)]

    return build


@pytest.fixture
def directory(content, tmp_path):
    """A run directory whose predictions have about the given accuracy."""

    def build(method="CrossEntropy", *, seed=0, accuracy=80.0, classes=4, shares=None, **options):
        rng = np.random.default_rng(seed)
        made = content(method, seed=seed, accuracy=accuracy, images={"test": 400}, **options)
        epochs, terms = [1, 2, 3], {"labels": [2.0, 1.0, 0.5]}
        made["curve"] = {"epoch": epochs, "train_accuracy": [30.0, 60.0, 90.0], "terms": terms}
        labels = np.arange(400) % classes
        hit = rng.random(400) < accuracy / 100
        guess = np.where(hit, labels, (labels + 1) % classes)
        logits = {"network": 2.0 * np.eye(classes)[guess] + 0.1 * rng.normal(size=(400, classes))}
        if shares is not None:
            logits["attention"] = rng.dirichlet(shares, size=400)
            mean = logits["attention"].mean(0).tolist()
            made["curve"]["attention"] = [mean] * len(epochs)
            terms |= {"distillation": [0.5, 1.0, 1.5]}
        else:
            made["test"]["last"] = {"network": made["test"]["last"]["network"]}
        name = "-".join([method, *map(str, options.values()), f"s{seed}"])
        path = tmp_path / "runs" / name.replace("/", "_")
        (path / "model").mkdir(parents=True)
        (path / "summary.json").write_text(json.dumps(made))
        names = (*NAMES, *(f"c{k}" for k in range(classes)))
        (path / "model" / "config.json").write_text(json.dumps({"label_names": names[:classes]}))
        halves = {key: value.astype(np.float16) for key, value in logits.items()}
        np.savez(path / "predictions.npz", labels=labels, **halves)
        return path

    return build
