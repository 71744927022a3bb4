"""Scores are those of the network that a run leaves, whatever number format trained it."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml

import selfdistill as sd
from forged import forge_recipe
from selfdistill.config import parse
from selfdistill.evaluation import score
from selfdistill.inspection import FinishedRun, evaluate, evaluate_corruptions
from selfdistill.runs import RunDirectory
from selfdistill.training import train
from small_run import WORDS

HALF = [
    *("--precision", "bf16", "--data.validation-per-class", "20", "--data.test-per-class", "40"),
    *("--epochs", "2", "--test", "true", "--legacy-test-curve", "true"),
]


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """A run trained in bf16; its test scores are written by training."""
    path = tmp_path_factory.mktemp("half") / "run"
    train(parse([*WORDS, *HALF, "--out", str(path)]))
    return path


@pytest.fixture(scope="module")
def deployed(half):
    """Logits of the loaded network, by split, and the labels."""
    trained, network = FinishedRun(RunDirectory(half)), sd.load(half).network
    found = {}
    with torch.no_grad():
        for split in ("validation", "test"):
            images = getattr(trained.splits, split)
            pixels = trained.preprocessing.standardise(images.images)
            found[split] = network(pixels), images.labels
    return found


def test_stored_predictions_are_those_of_the_loaded_network(half, deployed):
    logits, labels = deployed["test"]
    with np.load(half / "predictions.npz") as stored:
        np.testing.assert_array_equal(stored["labels"], labels.numpy())
        np.testing.assert_allclose(stored["network"], logits.numpy(), rtol=1e-4, atol=1e-4)
        best = np.sort(stored["network"], axis=1)[:, -2:]
        assert (stored["network"].argmax(1) == logits.argmax(1).numpy()).all()
    assert (best[:, 0] < best[:, 1]).all()


@pytest.mark.parametrize("split", ["validation", "test"])
def test_scores_are_those_of_the_loaded_network(half, deployed, split):
    expected = score(*deployed[split])._asdict()
    summary = json.loads((half / "summary.json").read_text())
    stored = summary[split]["last"]["network"]
    assert stored == pytest.approx(expected, rel=1e-3)
    assert stored["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-4)
    assert evaluate(half, split=split).exits["network"] == stored


def test_each_epoch_is_scored_alike(half, deployed):
    lines = [json.loads(line) for line in (half / "log.jsonl").read_text().splitlines()]
    accuracy = score(*deployed["validation"]).accuracy
    assert lines[-1]["validation_accuracy"] == pytest.approx(accuracy)
    (curve,) = [file for file in half.iterdir() if "test" in file.name]
    last = json.loads(curve.read_text().splitlines()[-1])
    assert last["test_accuracy"] == pytest.approx(score(*deployed["test"]).accuracy)


def test_nothing_that_scores_computes_in_fewer_bits(half, monkeypatch):
    seen = set()
    forward = torch.nn.functional.linear

    def spy(x, *rest, **options):
        found = forward(x, *rest, **options)
        seen.add(found.dtype)
        return found

    monkeypatch.setattr(torch.nn.functional, "linear", spy)
    monkeypatch.setattr("selfdistill.evaluation.corruptions.CORRUPTIONS", ("contrast",))
    evaluate(half, split="validation")
    evaluate_corruptions(half, split="validation", log=lambda line: None)
    assert seen == {torch.float32}


@pytest.mark.parametrize(
    ("field", "value"),
    [("backbone", "small"), ("data", "Digits"), ("method", 3), ("optimizer", None), ("epochs", [])],
)
def test_a_stored_recipe_of_another_shape_is_refused_in_a_line(half, tmp_path, field, value):
    run = shutil.copytree(half, tmp_path / "run")
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    forge_recipe(run, {**recipe, field: value})
    if (field, value) == ("data", "Digits"):  # a bare name stands for the class with its defaults
        assert FinishedRun(RunDirectory(run)).recipe.data == "Digits"
        return
    with pytest.raises(ValueError, match=rf"recipe\.yaml: .*{field}") as refusal:
        FinishedRun(RunDirectory(run))
    assert "\n" not in str(refusal.value)
