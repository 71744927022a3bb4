"""Kills a study and all its processes at random moments, lets it go on, prints its table.

Once SIGTERM asks it alone to end. ``study_kill.py OUT KILLS SEED``; imports once and forks for
every attempt.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from selfdistill.failures import Stopped
from selfdistill.runs import RunDirectory
from selfdistill.studies import StudyRunner, grid, jobs
from selfdistill.training import parse

FURTHER = [
    *("--backbone.width=8", "--epochs=4", "--warmup-epochs=1", "--precision=fp32"),
    *("--data.train-per-class=6", "--data.test-per-class=4", "--batch-size=16"),
    "--checkpoint-seconds=0.1",
]
CELLS = {"CE": {"method": "CrossEntropy"}, "pupil": {"method": "KD", "teacher": "CE"}}
STUDY = grid.from_plain({"config": "digits", "seeds": 2, "cells": CELLS}, "trial")


def attempt(folder):
    runner = StudyRunner(
        STUDY, out=folder, results=folder / "res", jobs=2, further=FURTHER, say=lambda line: None
    )
    return runner.run()


def fork(folder, seconds=None, number=signal.SIGKILL):
    """Run the study in a group of its own, killed after so many seconds, or ended in
    its first epochs; the exit code.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            outcome = attempt(folder)
            os._exit(0 if len(outcome.summaries) == 4 else 1)
        except Stopped as stopped:
            os._exit(stopped.exit_code)
        finally:
            os._exit(2)
    if number == signal.SIGTERM:
        while not list(folder.glob("trial/*/seed*/log.jsonl")):
            time.sleep(0.01)
        os.kill(child, number)
    elif seconds is not None:
        time.sleep(seconds)
        os.killpg(child, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def table(folder):
    """What there is to compare of every run."""
    rows = {}
    for copy in sorted((folder / "res" / "trial").iterdir()):
        found = json.loads(copy.read_text())
        name, _, seed = copy.stem.rpartition("-s")
        own = folder / "trial" / name / f"seed{seed}" / "summary.json"
        assert own.read_bytes() == copy.read_bytes()
        kept = ("weights", "test", "recipe_hash", "split_hash", "curve")
        rows[copy.stem] = {key: found[key] for key in kept}
    return rows


def main():
    torch.set_num_threads(1)
    jobs.START = "fork"
    out, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    parse(["--config", "digits"]).recipe.data.splits()  # imports once, not in every child
    started = time.monotonic()
    assert fork(out / "whole") == 0
    length = time.monotonic() - started
    random_, killed, status = random.Random(seed), 0, None
    assert fork(out / "killed", number=signal.SIGTERM) == 128 + signal.SIGTERM
    for folder in (out / "killed" / "trial").glob("*/seed*"):
        RunDirectory(folder).lock().release()  # no process is left that holds it
    while status != 0:
        limit = random_.uniform(0.05, 0.25) * length if killed < kills else None
        status = fork(out / "killed", limit)
        assert status in (0, -signal.SIGKILL), status
        killed += status != 0
    tables = {name: table(out / name) for name in ("whole", "killed")}
    print(json.dumps({"kills": killed, "seconds": length, **tables}))


if __name__ == "__main__":
    main()
