"""What reports read of a study."""

import json
from pathlib import Path

import pytest

from selfdistill import cli
from selfdistill.studies import is_study, runs_for_report

CONTENT = {
    "config": "digits",
    "seeds": 2,
    "split": "test",
    "options": {"epochs": 1, "warmup_epochs": 0, "data.train_per_class": 6, "precision": "fp32"},
    "cells": {
        "CrossEntropy": {"method": "CrossEntropy"},
        "BYOT": {"method": "BYOT"},
        "smooth": {"method": "CrossEntropy", "method.label_smoothing": 0.1, "seeds": [3]},
    },
    "papers": {"BYOT": 80.51, "smooth": 81.77},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a study's file and one seed of its runs, one of them by another recipe."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "trial.yaml").write_text(json.dumps({**CONTENT, "seeds": 1}))
    words = ["study", str(folder / "trial.yaml"), "--out", str(folder / "runs")]
    assert cli.main([*words, "--results", str(folder / "results")]) == 0
    (folder / "trial.yaml").write_text(json.dumps(CONTENT))
    kept = folder / "results" / "trial" / "smooth-s3.json"
    other = json.loads(kept.read_text())
    other["recipe"]["epochs"] = 4
    del other["sha256"]
    kept.write_text(json.dumps(other))
    return folder


def test_every_run_is_named_and_those_of_another_recipe_are_told(trained):
    names = {"out": trained / "nowhere", "results": trained / "results"}
    there = runs_for_report(str(trained / "trial.yaml"), **names)
    copies, absent = trained / "results" / "trial", trained / "nowhere" / "trial"
    assert there.runs == [
        copies / "CrossEntropy-s0.json",
        copies / "BYOT-s0.json",
        copies / "smooth-s3.json",
        absent / "CrossEntropy" / "seed1",
        absent / "BYOT" / "seed1",
    ]
    assert there.split == "test"
    assert there.mismatches == [
        "of another recipe than the study's (epochs: 4 there, 1 now): smooth seed 3"
    ]
    assert {path.name: paper for path, paper in there.papers.items()} == {
        "BYOT-s0.json": 80.51,
        "seed1": 80.51,
    }
    first = runs_for_report(
        str(trained / "trial.yaml"), out=trained / "runs", results=trained / "results"
    )
    assert first.runs[2] == trained / "runs" / "trial" / "smooth" / "seed3"  # of this recipe
    assert not first.mismatches


def test_a_report_of_a_study_file(trained, capsys):
    words = ["report", str(trained / "trial.yaml"), "--out", str(trained / "runs")]
    assert cli.main([*words, "--to", str(trained / "page")]) == 0
    page = (trained / "page" / "index.html").read_text()
    assert "BYOT/seed1" in page
    assert "80.51" in (trained / "page" / "table.md").read_text()


def test_what_is_taken_for_a_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("digits", "runs/a", "runs/made", "photos"):
        Path(name).mkdir(parents=True)
    Path("runs/a/recipe.yaml").touch()
    Path("runs/made/study.yaml").touch()
    studies = {"digits", "digit", "runs/made", "mine.yaml", "some/mine.yml"}
    runs = {"runs/a", "runs/b", "photos", "summary.json", "results/a-s0.json"}
    assert {name for name in studies | runs if is_study(name)} == studies
