"""Runs that commit 1eafc92 left are read, compared, reported and gone on with as it did.

``tests/fixtures/runs_1eafc92/README.md`` says how they were made. What has changed since, on
purpose (CHANGELOG, "Changes numbers"), lies in its folder ``changed``, rewritten with
``OLD_RUNS=write``.
"""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from making_old_runs import DIGITS, METHODS, PRINTED, computer, printed, report
from selfdistill.cli import main

FIXTURE = Path(__file__).parent / "fixtures" / "runs_1eafc92"
EXACT = json.loads((FIXTURE / "made_on.json").read_text()) == computer()
"""Whether this processor, with these libraries, is the one that computed the runs."""
NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
TIMES = {"seconds", "images_per_second"}


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    return shutil.copytree(FIXTURE, tmp_path_factory.mktemp("old") / "runs_1eafc92")


@pytest.fixture(autouse=True)
def _inside(old, monkeypatch):
    monkeypatch.chdir(old)


def frozen(file):
    """What a file held: as 1eafc92 wrote it, or as was decided since."""
    changed = FIXTURE / "changed" / file
    return (changed if changed.exists() else FIXTURE / "expected" / file).read_text()


def check(file, found, *, exact):
    if os.environ.get("OLD_RUNS") == "write" and found != frozen(file):
        (FIXTURE / "changed").mkdir(exist_ok=True)
        (FIXTURE / "changed" / file).write_text(found)
    if exact:
        assert found == frozen(file)
    else:
        assert_alike(found, frozen(file))


def assert_alike(found, expected):
    """Same words, and numbers but for what processors round differently."""
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected)
    assert numbers(found) == pytest.approx(numbers(expected), rel=2e-3, abs=2e-3)


def numbers(text):
    return [float(number.replace("−", "-")) for number in NUMBER.findall(text)]


@pytest.mark.parametrize("file", PRINTED)
def test_commands_print_what_they_did(file):
    check(file, printed(PRINTED[file]), exact=EXACT or file.startswith("compare"))


def test_reports_say_what_they_did():
    for file, text in report().items():
        if file != "report-figures.json" or EXACT:
            check(file, text, exact=True)
        else:
            assert json.loads(text).keys() == json.loads(frozen(file)).keys()


def test_comparisons_changed_in_nothing_but_intervals():
    """Degrees of freedom are whole numbers since (CHANGELOG, "Changes numbers")."""
    for split in ("validation", "test"):
        before, now = (
            json.loads((FIXTURE / folder / f"compare-{split}.json").read_text())
            for folder in ("expected", "changed")
        )
        for row in (*before["rows"], *now["rows"]):
            row["difference_low"] = row["difference_high"] = None
        assert before == now


@pytest.fixture(scope="module", params=METHODS)
def continued(request, old):
    """An interrupted run that went on, and one by its recipe that was never interrupted."""
    here = Path.cwd()
    os.chdir(old)
    name, where = request.param, ["--test", "--threads", "1", "--accelerator", "cpu"]
    resumed, repeated = f"interrupted/{name}", f"repeated/{name}"
    try:
        assert main(["train", *DIGITS, *METHODS[name], "--out", resumed]) == 0
        recipe = f"interrupted/{name}/recipe.yaml"
        assert main(["train", "--config", recipe, *where, "--out", repeated]) == 0
    finally:
        os.chdir(here)
    return name, outcome(old / resumed), outcome(old / repeated)


def outcome(run):
    """What a run ended with, times aside."""
    summary = json.loads((run / "summary.json").read_text())
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    kept = ("recipe", "recipe_hash", "split_hash", "images", "weights", "validation", "test")
    return {
        "log": [{k: v for k, v in line.items() if k not in TIMES} for line in lines],
        **{name: summary[name] for name in kept},
        "macs_per_exit": summary["cost"]["macs_per_exit"],
        "training_parameters": summary["cost"]["training_parameters"],
    }


def test_interrupted_runs_go_on(continued, old):
    name, resumed, repeated = continued
    before = outcome(FIXTURE / "runs" / name / "seed0")
    if name != "averaged":
        check_outcome(resumed, before)
        check_outcome(repeated, before)
        if EXACT:
            assert predictions(old / "interrupted" / name) == predictions(old / "repeated" / name)
        return
    # averages of weights follow at another pace since; training itself is the same
    for run, file in ((resumed, "averaged-resumed.json"), (repeated, "averaged-repeated.json")):
        assert_same_training(run, before)
        if os.environ.get("OLD_RUNS") == "write":
            (FIXTURE / "changed" / file).write_text(json.dumps(run, indent=1) + "\n")
        check_outcome(run, json.loads((FIXTURE / "changed" / file).read_text()))


def check_outcome(found, expected):
    if EXACT:
        assert found == expected
        return
    measured = ("log", "validation", "test", "weights")
    for name in expected.keys() - set(measured):
        assert found[name] == expected[name], name
    found, expected = ({name: run[name] for name in measured[:3]} for run in (found, expected))
    assert_alike(json.dumps(found), json.dumps(expected))


def assert_same_training(found, expected):
    """Of a run whose averaged weights differ: what is measured while it trains."""
    measured = ("epoch", "step", "lr", "loss", "train_accuracy")
    for line, other in zip(found["log"], expected["log"], strict=True):
        line, other = ({name: each[name] for name in measured} for each in (line, other))
        assert line == other if EXACT else line == pytest.approx(other, rel=2e-3)


def predictions(run):
    with np.load(run / "predictions.npz") as arrays:
        return {name: arrays[name].tobytes() for name in arrays}


@pytest.mark.parametrize("name", ["crossentropy", "skdsam"])
def test_looking_leaves_files_as_they_were(name, old):
    for file in ("predictions.npz", "model/model.safetensors", "log.jsonl", "recipe.yaml"):
        path = Path("runs", name, "seed0", file)
        assert (old / path).read_bytes() == (FIXTURE / path).read_bytes()
