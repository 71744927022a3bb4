"""Two processes agree: on what they count, when to stop, and which step went wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.slow,
]
SCRIPT = Path(__file__).with_name("pair.py")
TIMING = ("seconds", "images_per_second")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    out = tmp_path_factory.mktemp("pair")
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(out)]
    paths = os.pathsep.join(filter(None, (str(SCRIPT.parents[1]), os.environ.get("PYTHONPATH"))))
    answer = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert answer.returncode == 0, answer.stderr
    return out, json.loads(answer.stdout), answer.stderr


def log(path):
    return [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]


def test_a_run_that_goes_on_in_mid_epoch_logs_the_same(runs):
    out, statuses, errors = runs
    assert statuses["whole"] == [0, 0], errors
    assert statuses["stopped"] == [143, 143], errors
    assert statuses["resumed"] == [0, 0], errors
    one, other = (
        load_file(out / name / "model/model.safetensors") for name in ("whole", "stopped")
    )
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    for whole, stopped in zip(log(out / "whole"), log(out / "stopped"), strict=True):
        assert whole.keys() == stopped.keys()
        assert stopped.pop("terms") == pytest.approx(whole.pop("terms"))
        for name in whole.keys() - set(TIMING):
            assert stopped[name] == pytest.approx(whole[name]), name


def test_a_bad_loss_of_one_process_is_seen_by_both(runs):
    out, statuses, errors = runs
    assert statuses["spoiled"] == [6, 6], errors
    report = json.loads((out / "spoiled" / "failure.json").read_text())
    assert report["step"] == 5
    assert report["terms"] == {"labels": "nan"}
    steps = [int(file.stem) for file in (out / "spoiled" / "checkpoints").glob("*.pt")]
    assert max(steps) == 4


def test_a_save_that_fails_in_one_process_ends_both(runs):
    _, statuses, errors = runs
    assert statuses["disk full"] == [4, 4], errors


def test_a_save_that_fails_in_an_unforeseen_way_ends_both_alike(runs):
    _, statuses, errors = runs
    assert statuses["broken"] == [1, 1], errors


def test_what_only_the_first_process_reads_ends_both(runs):
    _, statuses, errors = runs
    assert statuses["untracked"] == [2, 2], errors


def test_both_processes_learn_the_same(runs):
    out, _, errors = runs
    one, other = ((out / f"weights{rank}").read_text().splitlines() for rank in range(2))
    assert "whole 2" in one[2], errors
    assert one == other


def test_the_first_process_chooses_the_number_format_of_both(runs):
    out, statuses, errors = runs
    assert statuses["measured"] == [0, 0], errors
    assert "precision: bf16" in (out / "measured" / "recipe.yaml").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_no_thread_of_the_group_outlives_a_run_that_ends_in_order(runs):
    out, statuses, errors = runs
    assert statuses["finished"] == [0, 0], errors
    assert statuses["refused"] == [2, 2], errors
    assert (out / "threads").read_text() == ""
