"""Studies killed and stopped, or a process of theirs: the table of one left alone, nobody left."""

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from selfdistill.config import read_options
from selfdistill.failures import Failure
from selfdistill.studies import StudyLayout, StudyRunner, grid, local_jobs

from .attempts import Attempt, promise
from .children import Child, left_in_group, patient, run

OPTIONS = read_options(
    [
        *("--backbone.width=8", "--epochs=3", "--warmup-epochs=1", "--precision=fp32"),
        *("--data.train-per-class=5", "--data.test-per-class=4", "--batch-size=16"),
        *("--checkpoint-seconds=0", "--threads=1"),
    ]
)
CELLS = {"CE": {"method": "CrossEntropy"}, "pupil": {"method": "KD", "teacher": "CE"}}
STUDY = grid.from_plain({"config": "digits", "seeds": 2, "cells": CELLS}, "trial")
KEPT = ("weights", "test", "recipe_hash", "split_hash", "curve")
MAX_ROUNDS = 20


def kill_all(child):
    os.killpg(child.pid, signal.SIGKILL)


def kill_study(child):
    child.send(signal.SIGKILL)


def kill_worker(child):
    for pid in _workers(child)[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def stop(child):
    child.send(signal.SIGTERM)


def interrupt(child):
    child.send(signal.SIGINT)


DEEDS = {
    "all killed": kill_all,
    "asked to end": stop,
    "a worker killed": kill_worker,
    "killed alone": kill_study,
    "interrupted": interrupt,
}


@promise("R1", "a study killed, its workers killed, asked to end: the table of one left alone")
def studies(ground):
    """Each round does one thing to it in its first runs, or later, and lets it go on."""
    expected = _table(_whole(ground))
    rounds = list(DEEDS) * 2 if ground.full else list(DEEDS)[:2]
    folder = ground.folder / "study"
    for number, deed in enumerate(rounds):
        if number % 3 == 0:
            shutil.rmtree(folder, ignore_errors=True)
        child = _start(folder)
        _wait_for_log(child, folder, lines=1 + ground.random.randrange(3))
        DEEDS[deed](child)
        answer = child.wait()
        landed = answer.code != 0
        wrong = f"a traceback: {answer.err[-300:]}" if answer.traceback and landed else None
        _let_end(child)
        if left := left_in_group(child.pid):
            wrong = f"{len(left)} processes are left"
            os.killpg(child.pid, signal.SIGKILL)
        if number % 3 == 2 or number + 1 == len(rounds):
            wrong = wrong or _finished(folder, expected)
        yield Attempt(deed, wrong, "the same" if landed else "was over before")


def _whole(ground):
    folder = ground.folder / "whole-study"
    if not (folder / "res").exists():
        answer = run(call=lambda: _attempt(folder))
        assert answer.code == 0, answer
    return folder


def _attempt(folder):
    local_jobs.START = "fork"
    runner = StudyRunner(
        StudyLayout(STUDY, folder, folder / "res", OPTIONS), jobs=2, log=lambda line: None
    )
    try:
        return 0 if len(runner.run().summaries) == 4 else 1
    except Failure as failure:
        return failure.exit_code


def _start(folder):
    return Child(call=lambda: _attempt(folder))


def _wait_for_log(child, folder, lines):
    """Until a run has written so many lines of its log."""
    while not child.ended():
        logs = [file.read_bytes().count(b"\n") for file in folder.glob("trial/*/seed*/log.jsonl")]
        if sum(logs) >= lines:
            return
        time.sleep(0.005)


def _let_end(child):
    """Processes of a study that died save, and end by themselves."""
    end = time.monotonic() + patient(60)
    while left_in_group(child.pid) and time.monotonic() < end:
        time.sleep(0.02)


def _finished(folder, expected):
    for _ in range(MAX_ROUNDS):
        answer = run(call=lambda: _attempt(folder))
        if answer.code == 0:
            return None if _table(folder) == expected else "another table"
    return f"does not end: code {answer.code}: {answer.last}"


def _table(folder):
    """What there is to compare of every run; copies have to be whole."""
    rows = {}
    for copy in sorted((folder / "res" / "trial").iterdir()):
        name, _, seed = copy.stem.rpartition("-s")
        own = folder / "trial" / name / f"seed{seed}" / "summary.json"
        whole = own.read_bytes() == copy.read_bytes()
        found = json.loads(copy.read_text())
        rows[copy.stem] = {"whole": whole, **{key: found[key] for key in KEPT}}
    return rows


def _workers(child):
    """Processes that a study started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == child.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return sorted(found)
