"""Pictures through the eyes of a run's blocks, and what a run keeps for its report."""

import json
import pickle
import shutil

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from forged import forge_recipe
from selfdistill import cli, reports
from selfdistill.config import parse
from selfdistill.data import Digits
from selfdistill.deployment import load
from selfdistill.failures import NonFinite
from selfdistill.inspection import evaluate, inspect_images
from selfdistill.training import train


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "picture.png"
    pixels = torch.randint(256, (40, 50, 3), dtype=torch.uint8).numpy()
    Image.fromarray(pixels).save(file)
    return file


def test_blocks_are_seen_without_the_data(finished, picture, monkeypatch):
    monkeypatch.setattr(Digits, "splits", None)
    (seen,) = inspect_images(finished, [picture])
    *shallow, network = seen.stages
    assert len(shallow) == 2
    assert sum(stage.attention for stage in shallow) == pytest.approx(1)
    assert network.attention is None
    (guess,) = load(finished).predict(picture, top_k=1)
    assert network.prediction == pytest.approx(tuple(guess))
    assert seen.pixels.shape == (*network.cam.shape, 3)
    expected = load(finished).transform(Image.open(picture))
    config = json.loads((finished / "model/config.json").read_text())["pretrained_cfg"]
    again = (torch.from_numpy(seen.pixels) / 255 - torch.tensor(config["mean"])) / torch.tensor(
        config["std"]
    )
    torch.testing.assert_close(again.permute(2, 0, 1), expected, atol=1e-4, rtol=0)


def test_the_command_draws_and_prints(finished, picture, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(picture.parent)  # a short name keeps to one line of the table
    words = ["attention", str(finished), picture.name, "--picture", str(tmp_path / "out.png")]
    assert cli.main(words) == 0
    table = capsys.readouterr().out
    assert "share" in table
    assert len(table.splitlines()) == 5
    assert table.splitlines()[-1] == str(tmp_path / "out.png")
    assert cli.main([*words[:-1], "out.jpg"]) == 2
    assert "name a PNG file" in capsys.readouterr().err
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main([*words, "--format", "json"]) == 0
    ((entry),) = json.loads(capsys.readouterr().out)
    assert [block["block"] for block in entry["blocks"]] == ["block 1", "block 2", "network"]
    assert entry["image"] == picture.name


def test_a_method_without_exits_shows_the_network_alone(finished, picture, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "attachments")
    recipe = yaml.safe_load((finished / "recipe.yaml").read_text())
    recipe["method"] = {"class_path": "CrossEntropy"}
    forge_recipe(tmp_path / "run", recipe)
    (alone,) = inspect_images(tmp_path / "run", [picture])
    (whole,) = inspect_images(finished, [picture])
    (network,) = alone.stages
    assert alone.stage_names == ["network"]
    assert network.prediction == whole.stages[-1].prediction
    assert np.array_equal(network.cam, whole.stages[-1].cam)


def leaning_on(run):
    """What the run shows, checked against its predictions."""
    shown, stored = np.load(run / "shown.npz"), np.load(run / "predictions.npz")
    count, blocks = stored["attention"].shape
    assert shown["images"].shape == (8 * blocks, *shown["cams"].shape[1:], 3)
    assert shown["block"].tolist() == [block for block in range(blocks) for _ in range(8)]
    shares = stored["attention"].astype(float)
    for block in range(blocks):
        chosen = shown["indices"][shown["block"] == block]
        rest = np.setdiff1d(np.arange(count), chosen)
        assert shares[chosen, block].min() >= shares[rest, block].max() - 1e-3
    return shown


def test_a_run_keeps_the_test_images_that_lean_most(words, tmp_path):
    train(parse([*words, "--out", str(tmp_path)]))
    shown = leaning_on(tmp_path)
    test = parse(words).ingredients.data.splits().test
    seen = test.images[torch.from_numpy(shown["indices"])].permute(0, 2, 3, 1).numpy()
    assert np.array_equal(shown["images"], seen)
    costs = json.loads((tmp_path / "summary.json").read_text())["cost"]["macs_per_exit"]
    assert costs["exit1"] < costs["exit2"] < costs["network"] < costs["fusion"]
    train(
        parse([*words, "--epochs", "2", "--method", "BYOT", "--overwrite", "--out", str(tmp_path)])
    )
    assert not (tmp_path / "shown.npz").exists()


def test_evaluating_the_test_images_adds_what_a_run_lacks(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    summary = json.loads((run / "summary.json").read_text())
    costs = summary["cost"]["macs_per_exit"]
    summary["cost"]["macs_per_exit"] = {"network": costs["network"]}
    summary.pop("sha256")
    (run / "summary.json").write_text(json.dumps(summary))
    evaluate(run, split="validation")
    assert not (run / "shown.npz").exists()
    evaluate(run, split="test")
    leaning_on(run)
    assert json.loads((run / "summary.json").read_text())["cost"]["macs_per_exit"] == costs
    written = {file: file.stat().st_mtime_ns for file in run.iterdir()}
    evaluate(run, split="test")
    assert written == {file: file.stat().st_mtime_ns for file in run.iterdir()}


def test_corruptions_are_counted_on_the_split_that_is_read(finished, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("selfdistill.evaluation.corruptions.CORRUPTIONS", ("fog", "contrast"))
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    assert cli.main(["evaluate", str(run), "--corruptions", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    assert "corruption, severity" in out
    summary = json.loads((run / "summary.json").read_text())
    assert summary["test"] is None
    assert summary["corruptions"].keys() == {"validation"}
    found = summary["corruptions"]["validation"]
    assert found.keys() == {"fog", "contrast"}
    assert all(levels.keys() == set("12345") for levels in found.values())
    assert f"{np.mean([list(levels.values()) for levels in found.values()]):.2f}" in out
    words = ["evaluate", str(run), "--corruptions", "--threads", "1", "--split", "test"]
    assert cli.main([*words, "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    summary = json.loads((run / "summary.json").read_text())
    assert summary["corruptions"] == {"validation": found, "test": printed["corruptions"]}


def test_the_aggregated_prediction_may_be_asked_for_afterwards(words, tmp_path, capsys):
    run = tmp_path / "run"
    train(parse([*words, "--epochs", "2", "--method", "SLASD", "--out", str(run)]))
    capsys.readouterr()
    before = json.loads((run / "summary.json").read_text())
    assert before["cost"]["macs_per_exit"].keys() == {"network"}
    words = ["evaluate", str(run), "--threads", "1", "--format", "json"]
    assert cli.main(words) == 0
    plain = json.loads(capsys.readouterr().out)
    assert cli.main([*words, "--method.aggregate"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert plain.keys() == {"network", "split", "images", "classes"}
    assert scores["network"] == pytest.approx(plain["network"], abs=1e-4)
    assert scores["aggregate"]["nll"] != scores["network"]["nll"]
    costs = json.loads((run / "summary.json").read_text())["cost"]["macs_per_exit"]
    assert costs["aggregate"] == pytest.approx(4 * costs["network"], rel=0.01)


def test_a_loss_that_is_not_finite_leaves_a_report(words, tmp_path):
    words = [*words, "--optimizer.lr", "1e9", "--out", str(tmp_path)]
    with pytest.raises(NonFinite) as caught:
        train(parse(words))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    report = json.loads((tmp_path / "failure.json").read_text())
    assert report["epoch"] == 1
    assert 1 <= report["step"] <= 3
    assert report["lr"] == pytest.approx(5e8)
    assert {"nan", "inf"} & set(report["terms"].values())
    assert report["terms"].keys() >= {"labels", "distillation"}
    with pytest.raises(ValueError, match="ended in epoch 1, its loss not finite at learning rate"):
        reports.read(tmp_path)
    train(parse([*words, "--optimizer.lr", "0.01", "--overwrite"]))
    assert not (tmp_path / "failure.json").exists()
