"""A run's exits fitted, and used: answers are those of the exit that gave them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import selfdistill as sd
from selfdistill import cli
from selfdistill.deployment import confidence, read_exit_rule
from selfdistill.inspection import FinishedRun
from selfdistill.runs import RunDirectory


@pytest.fixture(scope="module")
def report(finished, tmp_path_factory):
    """A copy of the small run whose exits may cost nine tenths, and what the command said."""
    path = tmp_path_factory.mktemp("early") / "run"
    shutil.copytree(finished, path)
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: said.extend(words))
        picture = str(path.parent / "exits.png")
        words = ["exits", str(path), "--budget", "0.9", "--format", "json", "--picture", picture]
        assert cli.main(words) == 0
    return path, json.loads(said[0])


@pytest.fixture(scope="module")
def model(report):
    return sd.load(report[0])


@pytest.fixture(scope="module")
def pictures(report):
    """The validation images as pictures."""
    images = FinishedRun(RunDirectory(report[0])).splits.validation.images
    return [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]


def test_the_report_says_what_is_promised_and_what_came_of_it(report):
    path, said = report
    assert said["promise"] == "at most 90 % of the network's multiply-adds, on average"
    assert (said["images"], said["fitted_on"], said["split"]) == (30, 30, "validation")
    assert sum(row["answered"] for row in said["exits"]) == 30
    assert said["early"]["macs"] <= 0.9 * said["network"]["macs"]
    assert set(said["early"]["seconds"]) == {"1", "32"}
    assert (path.parent / "exits.png").read_bytes().startswith(b"\x89PNG")
    rule = read_exit_rule(path / "model")
    assert [row["name"] for row in said["exits"]] == [*rule.exits, "network"]
    assert RunDirectory(path).read_summary().values["test"] is None
    assert not RunDirectory(path).damage()


def test_early_answers_are_those_of_the_exit_that_gave_them(report, model, pictures):
    whole = FinishedRun(RunDirectory(report[0]))
    rule = model.early_exits().rule
    images = torch.stack([model.transform(picture) for picture in pictures])
    with torch.no_grad():
        logits = whole.classify(images)
    seen = []
    stages = model.early_exits().stages
    handle = stages.stages[-1].register_forward_pre_hook(lambda _, x: seen.append(len(x[0])))
    answers = model.predict(pictures, top_k=2, early=True)
    handle.remove()
    left = 0
    for place, answer in enumerate(answers):
        sure = [
            bool(confidence(logits[name][place : place + 1]) > threshold)
            for name, threshold in zip(rule.exits, rule.thresholds, strict=True)
        ]
        exit = sure.index(True) if any(sure) else len(rule.exits)
        left += any(sure)
        name = (*rule.exits, "network")[exit]
        expected = (logits[name][place] / rule.temperatures[exit]).softmax(0).sort(descending=True)
        found = [best.probability for best in answer]
        np.testing.assert_allclose(found, expected.values[:2], rtol=1e-4)
        assert answer[0].name == model.classes[int(expected.indices[0])]
    assert 0 < left < len(pictures)
    assert seen == [len(pictures) - left]
    assert rule.temperatures[-1] == model.probabilities.temperature != 1


def test_one_picture_is_answered_as_among_others(model, pictures):
    together = model.predict(pictures[:4], early=True)
    for picture, row in zip(pictures, together, strict=False):
        alone = model.predict(picture, early=True)
        assert [best.name for best in alone] == [best.name for best in row]
    assert model.predict([], early=True) == []


def test_the_command_names_the_exit_that_answered(report, pictures, tmp_path, capsys):
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / f"{number:02}.png")
    words = ["predict", str(report[0]), str(tmp_path), "--early", "--format", "json"]
    assert cli.main(words) == 0
    rows = json.loads(capsys.readouterr().out)
    counts = {row["name"]: row["answered"] for row in report[1]["exits"]}
    found = [row["exit"] for row in rows]
    assert {name: found.count(name) for name in counts} == counts
    assert cli.main([*words[:-1], "csv", "--top-k", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "image,exit,rank,class,probability"
    assert [line.split(",")[1] for line in lines[1:]] == found


def test_the_network_alone_cannot_stop(report, pictures):
    alone = sd.load(Path(report[0]) / "model")
    with pytest.raises(ValueError, match="load it from its run directory"):
        alone.predict(pictures[0], early=True)
    with pytest.raises(ValueError, match="early and unsure exclude each other"):
        alone.predict(pictures[0], early=True, unsure=0.5)


def test_a_damaged_rule_ends_in_a_line(report, tmp_path, capsys):
    path = tmp_path / "run"
    shutil.copytree(report[0], path)
    rule = path / "model" / "exits.json"
    rule.write_text(rule.read_text()[:-40])
    Image.new("RGB", (8, 8)).save(tmp_path / "one.png")
    assert cli.main(["predict", str(path), str(tmp_path / "one.png"), "--early"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "exits.json" in said.err


def test_training_anew_takes_the_rule_away(report, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(report[0], path)
    RunDirectory(path).clear()
    assert not (path / "model" / "exits.json").exists()
