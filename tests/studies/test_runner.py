"""A study trains what is missing and nothing else."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from selfdistill import cli
from selfdistill.config import parse, read_options
from selfdistill.runs import RunDirectory
from selfdistill.studies import StudyRunner, grid, load, study_files
from selfdistill.studies.finished import find_finished, weights_directory
from selfdistill.studies.layout import StudyLayout, read_cell
from selfdistill.studies.local_jobs import GRACE_SECONDS
from selfdistill.studies.result import Budget

SMALL = [
    *("--backbone.width=8", "--epochs=2", "--warmup-epochs=0", "--precision=fp32"),
    *("--data.train-per-class=6", "--data.test-per-class=4"),
]
PLAIN = {"method": "CrossEntropy"}
ENDLESS = [word for word in SMALL if not word.startswith("--epochs")] + [
    "--epochs=100000",
    "--checkpoint-seconds=0.1",
]


def study(seeds=1, **cells):
    content = {"config": "digits", "seeds": seeds, "cells": cells}
    return grid.from_plain(content, "trial")


def run(folder, study, *, seconds=None, further=SMALL):
    lines = []
    layout = StudyLayout(study, folder, folder / "res", read_options(further))
    return StudyRunner(layout, jobs=2, log=lines.append).run(seconds), lines


def told(outcome):
    return [f"{run}: {reason}" for run, reason in outcome.missing.items()]


def test_only_what_is_missing_is_trained(tmp_path, capsys):
    bad = {"method": "SKDSAM", "method.temperature": -1}
    pupil = {"method": "KD", "teacher": "CE"}
    orphan = {"method": "KD", "teacher": "bad"}
    cells = {"pupil": pupil, "CE": PLAIN, "other": PLAIN, "bad": bad, "orphan": orphan}
    outcome, lines = run(tmp_path, study(**cells))
    assert lines[0] == "trial: 5 runs, 0 done, 5 to train"
    assert lines[-1].startswith("pupil seed 0: ")
    original = tmp_path / "trial" / "CE" / "seed0" / "summary.json"
    copy = tmp_path / "res" / "trial" / "CE-s0.json"
    assert outcome.summaries[1] == original.parent
    assert copy.read_bytes() == original.read_bytes()
    assert told(outcome) == [
        "bad seed 0: --method.temperature -1.0 must be greater than 0",
        "orphan seed 0: its teacher bad seed 0 is not finished",
    ]
    assert outcome.code == 2

    changed = {**PLAIN, "method.label_smoothing": 0.1, "seeds": [0]}
    outcome, lines = run(tmp_path, study(seeds=2, CE=PLAIN, other=changed))
    assert lines[0] == "trial: 3 runs, 1 done, 2 to train"
    assert "holds another run (method.init_args.label_smoothing: 0.0 there" in told(outcome)[0]
    assert len(outcome.summaries) == 2

    copy.unlink()  # as if killed between the run's end and the copy
    assert run(tmp_path, study(CE=PLAIN))[1] == ["trial: 1 runs, 1 done, 0 to train"]
    assert copy.read_bytes() == original.read_bytes()
    original.unlink()
    outcome, lines = run(tmp_path, study(seeds=2, CE=PLAIN))
    assert lines == ["trial: 2 runs, 2 done, 0 to train"]
    assert outcome.summaries[0] == copy
    shutil.rmtree(original.parent)
    outcome, lines = run(tmp_path, study(CE=PLAIN, pupil=pupil))
    assert lines == ["trial: 2 runs, 2 done, 0 to train"]
    copy.write_text(copy.read_text()[:100])
    outcome, lines = run(tmp_path, study(CE=PLAIN))
    assert lines[0] == "trial: 1 runs, 0 done, 1 to train"
    assert copy.read_bytes() == original.read_bytes()


def test_the_command_and_its_exit_codes(tmp_path, capsys):
    file = tmp_path / "trial.yaml"
    cells = {"CE": PLAIN, "held": {**PLAIN, "seeds": [7]}}
    file.write_text(json.dumps({"config": "digits", "seeds": 1, "cells": cells}))
    words = ["study", str(file), "--out", str(tmp_path), "--results", str(tmp_path / "res"), *SMALL]
    with RunDirectory(tmp_path / "trial" / "held" / "seed7").lock():
        assert cli.main(words) == 5
        out = capsys.readouterr().out
    assert "CrossEntropy" in out
    assert "Nothing to compare with: cross-entropy alone" in out
    held = tmp_path / "trial" / "held" / "seed7"
    assert f"not finished: held seed 7: {held} is in use by process {os.getpid()} on" in out
    assert "1 of 2 runs remain: the same command goes on with them." in out
    assert cli.main(words) == 0
    assert "remain" not in capsys.readouterr().out
    assert cli.main([*words, "--epochz", "3"]) == 2
    assert "did you mean --epochs?" in capsys.readouterr().err


def test_a_budget_stops_cleanly_before_it_is_spent(tmp_path):
    run(tmp_path, study(CE={**PLAIN, "seeds": [9]}))  # from here on processes start at once
    outcome, _ = run(tmp_path, study(seeds=3, CE=PLAIN), seconds=8.0, further=ENDLESS)
    assert not outcome.summaries
    assert outcome.code == 0
    assert [line.partition(";")[0] for line in told(outcome)] == [
        *("CE seed 0: the time is up", "CE seed 1: the time is up"),
        "CE seed 2: not begun: the time is up",
    ]
    if "what it learned is saved" in told(outcome)[1]:  # a busy machine may not get that far
        assert list((tmp_path / "trial" / "CE" / "seed1" / "checkpoints").glob("*.pt"))


def test_a_run_that_would_not_end_in_time_is_not_begun(tmp_path, monkeypatch):
    run(tmp_path, study(CE=PLAIN))
    done = RunDirectory(tmp_path / "trial" / "CE" / "seed0")
    cost = done.read_summary().mapping("cost")
    done.update_summary({"cost": {**cost, "seconds": 500.0}})
    cells = {"CE": PLAIN, "other": {**PLAIN, "seeds": [7]}}
    later = study(seeds=2, **cells)
    for left, expected in {
        100: ["CE seed 1", "other seed 7"],
        600: [],  # this one is enough
    }.items():
        budget = Budget(1000.0, time.time() + left)
        monkeypatch.setattr(Budget, "from_now", lambda seconds, budget=budget: budget)
        outcome, lines = run(tmp_path, later, seconds=1010.0)
        reason = "not begun: runs like it took 0:08:20, more than is left"
        assert outcome.missing == dict.fromkeys(expected, reason)
        assert outcome.code == 0
        assert len(lines) == (1 if expected else 3)  # one for each run that was trained


def test_what_has_begun_goes_on_and_what_no_budget_holds_begins(tmp_path):
    done = tmp_path / "CE" / "seed0"
    done.mkdir(parents=True)
    (done / "summary.json").write_text(json.dumps({"cost": {"seconds": 500.0}}))
    new, under_way = done.with_name("seed1"), done.with_name("seed2")
    under_way.mkdir()
    (under_way / "recipe.yaml").touch()
    other = tmp_path / "other" / "seed0"
    short = Budget(1000.0, time.time() + 100)
    assert "took 0:08:20" in short.why_not_begin(new)
    assert "took 0:08:20" in short.why_not_begin(other)  # all that is known of it
    assert not short.why_not_begin(under_way)
    assert not Budget(540.0, time.time() + 100).why_not_begin(new)  # the next has no more for it
    assert not Budget(1000.0, time.time() + 600).why_not_begin(new)
    assert Budget(1000.0, time.time()).why_not_begin(under_way) == "not begun: the time is up"


def test_a_process_that_dies_stops_no_other(tmp_path, monkeypatch):
    (tmp_path / "fatal.py").write_text(
        "import os\nfrom selfdistill.methods import CrossEntropy\n"
        "class Fatal(CrossEntropy):\n"
        "    def __init__(self, backbone):\n        os.kill(os.getpid(), 9)\n"
        "class Faulty(CrossEntropy):\n"
        "    def __init__(self, backbone):\n        raise RuntimeError('a fault')\n"
    )
    cells = {"fatal": {"method": "fatal.Fatal"}, "faulty": {"method": "fatal.Faulty"}, "CE": PLAIN}
    monkeypatch.chdir(tmp_path)
    outcome, _ = run(tmp_path, study(**cells), further=[*SMALL, "--allow-own-code"])
    assert len(outcome.summaries) == 1
    assert told(outcome)[0].startswith("fatal seed 0: its process was ended by SIGKILL")
    assert told(outcome)[1].startswith("faulty seed 0: RuntimeError: a fault; where: selfdistill")
    assert outcome.code == 1


def test_seeds_come_round_by_round():
    cells = {"A": {"method": "BYOT"}, "B": {"method": "SKDSAM", "seeds": [7]}}
    runs = study(seeds=2, **cells).runs()
    assert [(cell.name, seed) for cell, seed in runs] == [("A", 0), ("B", 7), ("A", 1)]


@pytest.mark.parametrize("name", ["thesis_cifar100", "thesis_tiny_imagenet"])
def test_the_thesis_asks_its_main_question_first(name):
    first = [(cell.name, seed) for cell, seed in load(name).runs()[:2]]
    assert first == [("CrossEntropy", 0), ("SKDSAM", 0)]


@pytest.mark.parametrize("name", study_files.names())
def test_shipped_studies_read_and_so_do_their_runs(name):
    shipped = load(name)
    assert shipped.cells
    assert shipped.papers.keys() <= {cell.name for cell in shipped.cells}
    for cell in shipped.cells:
        read_cell(cell, [])


WRONG = {
    "seeds: 3": "is no study: a study needs the field cells",
    "seeds: 3\ncels: {}": "is no study: a study has no field cels: did you mean cells",
    "[]": r"is no study: .*holds a list, expected",
    "seeds: {a: 1}\ncells: {A: {}}": "is neither a number of seeds nor a list",
    "seeds: [0, 0]\ncells: {A: {}}": r"seeds \[0, 0\]: give how many, or several different ones",
    "seeds: 0\ncells: {A: {}}": r"seeds \[\]: give how many",
    "seeds: 1\nsplit: valid\ncells: {A: {}}": "split 'valid': choose validation or test",
    "seeds: 1\npapers: {B: 80}\ncells: {A: {}}": "papers tell of 'B', which is no cell",
    "seeds: 1\ncells: {A b: {}, A-b: {}}": "cells 'A b' and 'A-b' share a folder",
    "seeds: 1\ncells: {A: {teacher: B}}": "A is to learn from B, which is no cell of that name",
    "seeds: 1\ncells: {A: {teacher: B}, B: {teacher: A}}": "is taught by it in turn",
    "seeds: 2\ncells: {A: {teacher: B}, B: {seeds: 1}}": "learns from B, which has no seed 1",
    "a: [": "is no study",
}


@pytest.mark.parametrize("text", WRONG)
def test_files_that_are_no_studies(text, tmp_path):
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(ValueError, match=WRONG[text]):
        load(str(tmp_path / "odd.yaml"))


def test_mistakes(capsys):
    for words, message in {
        ("digit",): "neither a file nor a shipped one: did you mean digits?",
        ("digits", "--jobs", "0"): "argument --jobs: '0': give a whole number from 1 on",
        ("digits", "--budget", "9x"): "'9x' is no time: write 90s, 9m or 2h",
        ("digits", "--budget", "nanh"): "'nanh' is no time: write 90s, 9m or 2h",
        ("digits", "--seed", "3"): "--seed 3: study digits has its seeds",
        ("digits", "--seeds", "3"): "study digits has its seeds: --seeds goes with --methods",
        ("digits", "--methods", "BYOT"): "study digits says what is compared: leave --methods out",
        (): "name a study or its file, or give --data and --methods",
    }.items():
        assert cli.main(["study", *words]) == 2
        assert message in capsys.readouterr().err


def test_a_directory_of_another_recipe_replaces_no_copy(tmp_path):
    run(tmp_path / "A", study(CE=PLAIN))
    copy = tmp_path / "A" / "res" / "trial" / "CE-s0.json"
    before = copy.read_bytes()
    run(tmp_path / "B", study(CE={**PLAIN, "method.label_smoothing": 0.1}))
    layout = StudyLayout(
        study(CE=PLAIN), tmp_path / "B", tmp_path / "A" / "res", read_options(SMALL)
    )
    assert StudyRunner(layout, jobs=1, log=print).run().summaries == [copy]
    assert copy.read_bytes() == before


@pytest.mark.slow
def test_a_pupil_learns_from_the_teacher_that_counts(tmp_path):
    cells = {"CE": PLAIN, "pupil": {"method": "KD", "teacher": "CE"}}
    run(tmp_path, study(CE=PLAIN))
    teacher = tmp_path / "trial" / "CE" / "seed0"
    layout = StudyLayout(study(**cells), tmp_path, None, read_options(SMALL))
    found = find_finished(layout)
    assert [weights_directory(*item) for item in found.items()] == [teacher]
    shutil.rmtree(teacher)  # only the copied summary is left, and nothing to learn from
    copy = tmp_path / "res" / "trial" / "CE-s0.json"
    learned = json.loads(copy.read_text())["weights"]
    outcome, lines = run(tmp_path, study(**cells))
    assert lines[0] == "trial: 2 runs, 0 done, 2 to train"
    assert lines[1] == "CE seed 0: again, its weights are gone and to teach"
    pupil = json.loads((outcome.summaries[1] / "summary.json").read_text())
    assert pupil["recipe"]["method"]["init_args"]["teacher"] == learned
    shutil.rmtree(teacher)
    assert run(tmp_path, study(**cells))[1] == ["trial: 2 runs, 2 done, 0 to train"]

    shutil.rmtree(outcome.summaries[1])
    (tmp_path / "res" / "trial" / "pupil-s0.json").unlink()
    run(tmp_path, study(CE={**PLAIN, "method.label_smoothing": 0.1}))  # lies where CE's weights did
    run(tmp_path / "away", study(CE=PLAIN))
    copy.write_bytes((tmp_path / "away" / "res" / "trial" / "CE-s0.json").read_bytes())
    outcome, lines = run(tmp_path, study(**cells))
    assert "CE seed 0: " in told(outcome)[0]
    assert "holds another run (method.init_args.label_smoothing" in told(outcome)[0]
    assert told(outcome)[1] == "pupil seed 0: its teacher CE seed 0 is not finished"
    assert outcome.failed == 2


def test_options_of_a_method_count_wherever_they_stand():
    common = {"method.temperature": 2, "epochs": 3}
    content = {
        "config": "digits",
        "seeds": 1,
        "options": common,
        "cells": {"a": {"method": "BYOT"}},
    }
    recipe = read_cell(grid.from_plain(content, "x").cells[0], []).recipe
    assert recipe.method == "BYOT"
    assert recipe.values["method"]["init_args"]["temperature"] == 2
    assert recipe.values["epochs"] == 3


@pytest.mark.parametrize("formats", [{}, {"CE": "bf16"}])
def test_each_run_has_its_seed_and_its_command_says_what_is_computed(tmp_path, formats):
    layout = StudyLayout(study(seeds=2, CE=PLAIN), tmp_path, tmp_path / "res", read_options(SMALL))
    layout = replace(layout, formats=formats)
    for seed, run in enumerate(layout.runs):
        job = layout.job(run, teacher=None)
        assert (run.seed, job.settings.recipe.values["seed"]) == (seed, seed)
        typed = parse(shlex.split(job.command)[2:])
        assert typed.recipe.values == job.settings.recipe.values
        assert typed.execution.out == job.settings.execution.out


@pytest.mark.slow
def test_a_signal_ends_many_jobs_in_the_time_of_one(tmp_path):
    file = tmp_path / "trial.yaml"
    file.write_text(json.dumps({"config": "digits", "seeds": 3, "cells": {"CE": PLAIN}}))
    words = ["study", str(file), "--jobs", "3", "--out", str(tmp_path), *ENDLESS]
    process = subprocess.Popen(
        [sys.executable, "-m", "selfdistill", *words], stdout=subprocess.DEVNULL
    )
    folders = [tmp_path / "trial" / "CE" / f"seed{seed}" / "checkpoints" for seed in range(3)]
    deadline = time.monotonic() + 600
    while not all(list(folder.glob("*.pt")) for folder in folders):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    told = time.monotonic()
    process.terminate()
    assert process.wait(600) == 143
    assert time.monotonic() - told < 2 * GRACE_SECONDS  # one after the other would take thrice


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer.class-path": "evil.X"},
        {"optimizer.init_args.class_path": "evil.X"},
        {"backbone.init_args.name": "evil.net", "backbone.stages": "0"},
    ],
)
def test_code_that_a_study_names_is_not_run_however_it_is_spelled(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("open('EVIL', 'w')")
    with pytest.raises(ValueError, match="code of the current folder"):
        run(tmp_path, study(CE={**PLAIN, **options}))
    assert not (tmp_path / "EVIL").exists()


def test_no_run_at_a_time_is_refused(tmp_path):
    runner = StudyRunner(StudyLayout(study(CE=PLAIN), tmp_path, None), jobs=0, log=print)
    with pytest.raises(ValueError, match="0 runs at the same time: give at least 1"):
        runner.run(60.0)
