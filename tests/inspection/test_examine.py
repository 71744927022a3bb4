"""A finished run examined, from its images to the page."""

import json
import shutil

import numpy as np
import pytest

from selfdistill import cli
from selfdistill.config import parse
from selfdistill.inspection import evaluate, examine
from selfdistill.training import train


def summary(run):
    return json.loads((run / "summary.json").read_text())


def test_a_run_is_examined_on_its_validation_images(finished):
    before = summary(finished)
    examined = examine(finished)
    scores = evaluate(finished, split="validation")
    assert examined.split == "validation"
    assert examined.scores == scores.exits
    assert len(examined.labels) == scores.images == before["images"]["validation"]
    assert list(examined.guesses) == ["network", "exit1", "exit2", "fusion"]
    columns = before["validation"]["classes"].values()
    assert [list(of) for of in examined.classes] == list(map(list, zip(*columns, strict=True)))
    assert 100 * np.mean(examined.said == examined.labels) == pytest.approx(
        before["validation"]["last"]["network"]["accuracy"], abs=1e-4
    )
    assert [p.position for p in examined.pictures][:24] == examined.mistakes[:24].tolist()
    for picture in examined.pictures:
        assert picture.pixels.shape == (*picture.cam.shape, 3)
    assert summary(finished) == before  # no test image was read


def test_the_test_split_is_read_when_asked_for_and_the_summary_says_so(finished, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    words = ["report", str(run), "--to", str(tmp_path / "page")]
    assert cli.main(words) == 0
    assert summary(run)["test"] is None
    assert "validation images are classified" in (tmp_path / "page/index.html").read_text()
    assert cli.main([*words, "--split", "test"]) == 0
    assert summary(run)["test"]["read_by"] == "evaluate"
    assert "test images are classified" in (tmp_path / "page/index.html").read_text()
    assert (run / "predictions.npz").exists()
    capsys.readouterr()
    assert cli.main([*words, "--spilt", "test"]) == 2
    assert "--spilt" in capsys.readouterr().err


def test_a_temperature_is_shown_where_the_model_folder_has_one(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    config = run / "model/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"temperature": 2.0}))
    made = summary(run)
    made.pop("sha256")
    made.pop("files")
    (run / "summary.json").write_text(json.dumps(made))
    plain, scaled = examine(run, split="test"), examine(run, split="test").scaled
    assert scaled.temperature == 2.0
    halves = np.sqrt(plain.probabilities)  # softmax(z / 2)
    expected = halves / halves.sum(1, keepdims=True)
    np.testing.assert_allclose(scaled.probabilities, expected, rtol=1e-6)
    assert scaled.scores["accuracy"] == plain.scores["network"]["accuracy"]


def test_without_its_images_a_run_gets_the_page_of_its_summary(finished, tmp_path, capsys):
    page = tmp_path / "page"
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run/recipe.yaml").unlink()
    assert cli.main(["report", str(tmp_path / "run"), "--to", str(page)]) == 0
    out = capsys.readouterr().out
    assert "only what its summary tells, as its images cannot be looked at" in out
    assert "Nothing to compare with" in (page / "index.html").read_text()
    words = ["report", str(finished), str(tmp_path / "run"), "--to", str(page), "--split", "test"]
    assert cli.main(words) == 2
    assert "--split: only a report of a single run takes it" in capsys.readouterr().err


def test_plain_cross_entropy_on_official_images_has_maps_and_no_exits(words, tmp_path):
    run = tmp_path / "run"
    extra = ["--method", "CrossEntropy", "--epochs", "2", "--data.validation-per-class", "3"]
    train(parse([*words, *extra, "--out", str(run)]))
    examined = examine(run)
    assert list(examined.guesses) == ["network"]
    assert examined.attention is None
    assert examined.files == ()
    assert all(p.cam is not None and p.cam.max() == 255 for p in examined.pictures)
