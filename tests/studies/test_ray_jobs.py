"""Runs on a Ray cluster are the runs of this machine."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from selfdistill import cli
from selfdistill.config import parse, read_options
from selfdistill.runs import RunDirectory
from selfdistill.studies import StudyRunner, ray_jobs, study_files
from selfdistill.studies.layout import Job, StudyLayout
from selfdistill.training import train

WORDS = [
    *("--config=digits", "--method=CrossEntropy", "--backbone.width=8", "--epochs=1"),
    *("--warmup-epochs=0", "--precision=fp32", "--data.train-per-class=6"),
    "--data.test-per-class=4",
]
HOLD = """
import filelock, sys, time
with filelock.FileLock(sys.argv[1] + "/.lock"):
    print("held", flush=True)
    time.sleep(1.5)
"""


def job_of(words):
    return Job(parse(words), "selfdistill train")


def test_without_ray_or_a_cluster(monkeypatch, capsys, tmp_path):
    def init(address, **options):
        raise ConnectionError("none")

    words = ["study", "digits", "--engine", "ray", "--out", str(tmp_path)]
    none_there = SimpleNamespace(is_initialized=lambda: False, init=init)
    for ray, message in {
        None: 'pip install "selfdistill[ray]"',
        "it": "`ray start --head`",
    }.items():
        monkeypatch.setitem(sys.modules, "ray", none_there if ray else None)
        assert cli.main(words) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
        assert list(tmp_path.iterdir()) == []


def test_a_run_waits_for_a_lock_that_a_dead_node_leaves(tmp_path, monkeypatch):
    run = tmp_path / "run"
    words = [*WORDS, f"--out={run}"]
    job = job_of(words)
    train(replace(job.settings, execution=replace(job.settings.execution, threads=1)))
    command = [sys.executable, "-c", HOLD, str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        end = ray_jobs._on_node(3, job, None, 1, str(tmp_path))
        assert holder.wait() == 0
    assert (end.number, end.path, end.code) == (3, run, 0)
    monkeypatch.setattr(ray_jobs, "LOCK_SECONDS", 0.0)
    with RunDirectory(run).lock():
        end = ray_jobs._on_node(3, job, None, 1, str(tmp_path))
    assert end.code == 5


def test_a_node_must_see_the_storage(tmp_path):
    end = ray_jobs._on_node(0, job_of([*WORDS, f"--out={tmp_path}/far"]), None, 1, str(tmp_path))
    assert f"does not see {tmp_path}/far: --out must lie on shared storage" in end.reason
    end = ray_jobs._on_node(0, job_of([*WORDS, "--out=run"]), None, 1, str(tmp_path / "far"))
    assert f"has no folder {tmp_path}/far" in end.reason


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_loses_a_node_gives_the_table_of_one_machine(tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    study = study_files.load("digits")
    options = read_options(["--precision=fp32", "--checkpoint-seconds=0.5"])
    local = StudyRunner(
        StudyLayout(study, tmp_path / "local", tmp_path / "res1", options), jobs=2, log=print
    )
    assert local.run().code == 0

    started = time.monotonic()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    node = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    backend = partial(ray_jobs.run_all, cpus=1, gpus=0.0)
    runner = StudyRunner(
        StudyLayout(study, tmp_path / "ray", tmp_path / "res2", options),
        jobs=2,
        log=print,
        backend=backend,
    )
    before: dict[Path, bytes] = {}

    def lose_the_node():
        """Once a run is on each node, beyond its first checkpoint."""
        while len(before) < 2:
            time.sleep(0.05)
            for log in (tmp_path / "ray" / "digits").glob("*/seed0/log.jsonl"):
                lines = log.read_bytes().splitlines()
                if len(lines) >= 8 and list((log.parent / "checkpoints").glob("*.json")):
                    before[log] = lines[0]
        cluster.remove_node(node, allow_graceful=False)
        print("the node is gone")

    thread = threading.Thread(target=lose_the_node)
    thread.start()
    try:
        outcome = runner.run()
    finally:
        thread.join()
        ray.shutdown()
        cluster.shutdown()
    print(f"{time.monotonic() - started:.0f} s with Ray")
    assert outcome.code == 0, outcome.missing
    for log, first in before.items():
        assert log.read_bytes().splitlines()[0] == first  # it went on, timing and all
    assert _table(tmp_path / "res2") == _table(tmp_path / "res1")


def _table(results):
    kept = ("recipe_hash", "split_hash", "weights", "test")
    found = {}
    for file in sorted((results / "digits").iterdir()):
        content = json.loads(file.read_text())
        found[file.name] = {key: content[key] for key in kept}
    assert len(found) == 6
    return found
