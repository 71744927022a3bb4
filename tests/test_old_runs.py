"""Runs that commit 1eafc92 left are read, compared, reported and gone on with as it did.

``tests/fixtures/runs_1eafc92/README.md`` says how they were made. What has changed since, on
purpose (CHANGELOG, "Changes numbers"), lies in its folder ``changed``, rewritten with
``OLD_RUNS=write``.
"""

import csv
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
CHANGED = list((FIXTURE / "changed").iterdir())
AVERAGED = {"averaged-resumed.json", "averaged-repeated.json"}
"""Outcomes of runs, checked where these go on."""
INTERVAL = re.compile(
    r"\[[+−][\d.]+, [+−][\d.]+\]|(?<=interval )[+−][\d.]+ to [+−][\d.]+"
    r'|(?<="difference_low": ).*|(?<="difference_high": ).*'
)
REDRAWN = {"classes-0.svg", "classes-1.svg", "difference.svg"}
"""Figures with intervals, or bands, which are by class since."""
REWORDED = {
    "A class has 12 test images, the same for all runs. The shaded bands are about": (
        "Behind the name of a class stands how many test images it has, the same for all runs; its "
        "shaded band is as wide as so few make it. The bands are about"
    ),
    "would leave the band by": "would leave its band by",
    "by their position in the test split": "by their position in the split",
}
WHERE = ["--threads", "1", "--accelerator", "cpu"]


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


@pytest.mark.parametrize("file", sorted({path.name for path in CHANGED} - AVERAGED))
def test_what_has_changed_is_intervals_and_reworded_sentences(file):
    """Degrees of freedom are whole numbers since (CHANGELOG, "Changes numbers")."""
    before, now = (
        but_for_purpose(file, (FIXTURE / folder / file).read_text())
        for folder in ("expected", "changed")
    )
    assert now == before


EVALUATION = ("split", "images", "classes")
"""What ``evaluate`` says beside the scores of exits since."""
ADDED = re.compile(r' +"macro_')
MACRO = ("macro_accuracy", "macro_accuracy_sd", "macro_f1", "macro_f1_sd")
"""Fields of compared rows that are new."""


def but_for_purpose(file, text):
    """The text of a file without what has changed on purpose."""
    if file.startswith("evaluate") and file.endswith(".json"):
        content = json.loads(text)
        scores = {name: of for name, of in content.items() if name not in EVALUATION}
        return {name: {k: v for k, v in of.items() if k != MACRO[2]} for name, of in scores.items()}
    if file.startswith(("evaluate", "corruptions")):
        return rows_of_exits(text)
    if file in ("compare-test.json", "compare-validation.json", "report-table.json"):
        text = "\n".join(line for line in text.split("\n") if not ADDED.match(line))
    if file == "report-figures.json":
        return {name: value for name, value in json.loads(text).items() if name not in REDRAWN}
    if file.endswith(".csv"):
        rows = list(csv.DictReader(text.splitlines()))
        changed = ("difference_low", "difference_high", *MACRO)
        return [{k: v for k, v in row.items() if k not in changed} for row in rows]
    for old, new in REWORDED.items():
        text = text.replace(old, new)
    return INTERVAL.sub("(interval)", text)


def rows_of_exits(text):
    """The table of exits without macro F1, and that of corruptions, if any."""
    tables = [
        [re.split(r" {2,}", line.strip()) for line in part.splitlines()]
        for part in text.split("\n\n")
    ]
    by_title = {table[0][0]: table for table in tables}
    titles, *rows = by_title["exit"]
    old = [i for i, title in enumerate(titles) if title != "macro F1 %"]
    exits = [[line[i] for i in old] for line in (titles, *rows)]
    return exits, by_title.get("corruption, severity")


@pytest.fixture(scope="module", params=METHODS)
def continued(request, old):
    """An interrupted run that went on, and one by its recipe that was never interrupted."""
    here = Path.cwd()
    os.chdir(old)
    name, where = request.param, ["--test", *WHERE]
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
    found = found | {split: without_new(found[split]) for split in ("validation", "test")}
    if EXACT:
        assert found == expected
        return
    measured = ("log", "validation", "test", "weights")
    for name in expected.keys() - set(measured):
        assert found[name] == expected[name], name
    # rounded otherwise, a run goes another way within a few steps: to about as good an end
    words = (
        NUMBER.sub("#", json.dumps({name: run[name] for name in measured[:3]}))
        for run in (found, expected)
    )
    assert next(words) == next(words)
    losses = ([line["loss"] for line in run["log"]] for run in (found, expected))
    assert next(losses) == pytest.approx(next(losses), rel=0.05)


def without_new(scores):
    """Scores on a split without those that are new: by class, and macro F1."""
    last = scores["last"].items()
    exits = {name: {k: v for k, v in of.items() if k != "macro_f1"} for name, of in last}
    return {k: v for k, v in scores.items() if k != "classes"} | {"last": exits}


def assert_same_training(found, expected):
    """Of a run whose averaged weights differ: what is measured while it trains."""
    measured = ("epoch", "step", "lr", "loss", "train_accuracy")
    for line, other in zip(found["log"], expected["log"], strict=True):
        line, other = ({name: each[name] for name in measured} for each in (line, other))
        assert line == other if EXACT else line["loss"] == pytest.approx(other["loss"], rel=0.05)


def predictions(run):
    with np.load(run / "predictions.npz") as arrays:
        return {name: arrays[name].tobytes() for name in arrays}


@pytest.fixture
def copy(request, tmp_path, monkeypatch):
    """A folder of its own with the named run of seed 0."""
    for folder in (f"runs/{request.param}/seed0", "digits"):
        shutil.copytree(FIXTURE / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return Path("runs", request.param, "seed0")


def contents(run):
    """A run's files; locks are left when a command has ended."""
    files = (path for path in run.rglob("*") if path.is_file() and path.name not in LOCKS)
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in files}


LOCKS = (".lock", ".holder.json")
LOOKS = [
    *("evaluate RUN", "evaluate RUN --split test", "predict RUN digits --exits", "compare RUN"),
    *("report RUN --to page", "train --config RUN/recipe.yaml --test --out RUN"),
]


@pytest.mark.parametrize("copy", ["crossentropy", "skdsam"], indirect=True)
def test_looking_leaves_files_as_they_were(copy, capsys):
    """Training a finished run is looking at it, too."""
    for line in LOOKS:
        assert main([*line.replace("RUN", str(copy)).split()]) == 0, line
    assert f"{copy} is finished already; --overwrite starts afresh" in capsys.readouterr().out
    found, before = contents(copy), contents(FIXTURE / copy)
    summary, old_summary = (json.loads(files.pop("summary.json")) for files in (found, before))
    assert found == before
    hashes = {name: summary.pop(name) for name in ("files", "sha256")}  # of files, unknown before
    assert hashes["files"].keys() <= found.keys()
    assert summary == old_summary


@pytest.mark.parametrize("copy", ["skdsam"], indirect=True)
def test_what_a_finished_run_lost_comes_back_from_its_last_checkpoint(copy, capsys):
    shutil.rmtree(copy / "attachments")
    assert main(["train", *DIGITS, *METHODS["skdsam"], "--out", str(copy)]) == 0
    assert "written again from the last checkpoint" in capsys.readouterr().out
    weights = "attachments/attachments.safetensors"
    assert (copy / weights).read_bytes() == (FIXTURE / copy / weights).read_bytes()
    with (
        np.load(copy / "predictions.npz") as found,
        np.load(FIXTURE / copy / "predictions.npz") as before,
    ):
        for name, array in before.items():  # the network's were stored in half precision
            np.testing.assert_allclose(found[name], array, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("copy", ["crossentropy"], indirect=True)
def test_a_run_may_start_from_an_old_ones_weights(copy):
    words = ["train", *DIGITS, *METHODS["crossentropy"], "--epochs", "2"]
    for name, more in (("fresh", []), ("tuned", ["--init", str(copy)])):
        assert main([*words, *more, "--out", name]) == 0
    fresh, tuned = (outcome(Path(name))["log"][0]["loss"] for name in ("fresh", "tuned"))
    assert tuned < fresh - 0.05
