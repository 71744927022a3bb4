"""A study trains what is missing and nothing else."""

import json
import shutil

import pytest

from selfdistill import cli
from selfdistill.studies import StudyRunner, grid, load
from selfdistill.training import parse

SMALL = [
    *("--backbone.width=8", "--epochs=2", "--warmup-epochs=0", "--precision=fp32"),
    *("--data.train-per-class=6", "--data.test-per-class=4"),
]


def study(seeds=1, **cells):
    content = {"config": "digits", "seeds": seeds, "cells": cells}
    return grid.from_plain(content, "trial")


def run(folder, study, *, seconds=None, further=SMALL):
    lines = []
    places = {"out": folder, "results": folder / "res"}
    runner = StudyRunner(study, **places, jobs=2, further=further, say=lines.append)
    return runner.run(seconds), lines


def test_only_what_is_missing_is_trained(tmp_path, capsys):
    plain = {"method": "CrossEntropy"}
    bad = {"method": "SKDSAM", "method.temperature": -1}
    pupil = {"method": "KD", "teacher": "CE"}
    outcome, lines = run(tmp_path, study(pupil=pupil, CE=plain, other=plain, bad=bad))
    assert lines[0] == "trial: 3 runs, 0 done, 3 to train"
    assert any(line.startswith("pupil seed 0: ") for line in lines[5:])
    original = tmp_path / "trial" / "CE" / "seed0" / "summary.json"
    copy = tmp_path / "res" / "trial" / "CE-s0.json"
    assert outcome.summaries[1] == original.parent
    assert copy.read_bytes() == original.read_bytes()
    assert outcome.missing == ["bad seed 0: temperature=-1.0 must be greater than 0"]

    changed = {**plain, "method.label_smoothing": 0.1, "seeds": [0]}
    outcome, lines = run(tmp_path, study(seeds=2, CE=plain, other=changed))
    assert lines[0] == "trial: 3 runs, 1 done, 2 to train"
    assert "holds another run (method.init_args.label_smoothing: 0.0 there" in outcome.missing[0]

    original.unlink()
    outcome, lines = run(tmp_path, study(seeds=2, CE=plain))
    assert lines == ["trial: 2 runs, 2 done, 0 to train"]
    assert outcome.summaries[0] == copy
    shutil.rmtree(original.parent)
    outcome, lines = run(tmp_path, study(CE=plain, pupil=pupil))
    assert [line.partition(": ")[2] for line in lines] == ["1 runs, 1 done, 0 to train"] * 2

    file = tmp_path / "trial.yaml"
    file.write_text(json.dumps({"config": "digits", "seeds": 2, "cells": {"CE": plain}}))
    words = ["study", str(file), "--out", str(tmp_path), "--results", str(tmp_path / "res"), *SMALL]
    assert cli.main(words) == 0
    assert "CrossEntropy" in capsys.readouterr().out


def test_a_budget_stops_cleanly(tmp_path):
    endless = study(CE={"method": "CrossEntropy", "epochs": 100_000})
    further = [word for word in SMALL if not word.startswith("--epochs")]
    outcome, _ = run(tmp_path, endless, seconds=8.0, further=further)
    assert not outcome.summaries
    assert "the same command goes on" in outcome.missing[0] or "before it" in outcome.missing[0]


def test_seeds_come_round_by_round():
    cells = {"A": {"method": "BYOT"}, "B": {"method": "SKDSAM", "seeds": [7]}}
    runs = study(seeds=2, **cells).runs()
    assert [(cell.name, seed) for cell, seed in runs] == [("A", 0), ("B", 7), ("A", 1)]


@pytest.mark.parametrize("name", grid.names())
def test_shipped_studies_read_and_so_do_their_runs(name):
    shipped = load(name)
    assert shipped.cells
    for cell in shipped.cells:
        taught = [] if cell.teacher is None else ["--method.teacher=sha256:0"]
        parse([*cell.words(0), *taught])


def test_mistakes(tmp_path, capsys):
    with pytest.raises(ValueError, match=r"did you mean digits\?"):
        load("digit")
    (tmp_path / "odd.yaml").write_text("seeds: 3\n")
    with pytest.raises(ValueError, match=r"odd.yaml is no study \(KeyError"):
        load(str(tmp_path / "odd.yaml"))
    assert cli.main(["study", "digits", "--budget", "9x"]) == 2
    assert "'9x' is no time: write 90s, 9m or 2h" in capsys.readouterr().err
