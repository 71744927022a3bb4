"""Two processes that train one run, one of them killed: restarted or gone, and the run the same."""

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import torch

from .attempts import Attempt, promise
from .children import Child, left_in_group, patient
from .digest import TIMING
from .rank_job import WORDS, die_at
from .trained import place

MAX_SECONDS_TO_END = 10
TORCHRUN = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone"]


@promise("R4", "one of two processes killed: the other one ends, and the run goes on the same")
def killed_ranks(ground):
    whole = _whole(ground)
    for step in ground.some(range(1, 6), 1):
        for rank in ground.some((1, 0), 1):
            path = place(ground.folder, "rank-killed")
            shutil.rmtree(path, ignore_errors=True)
            answers = _pair(path, kill=(rank, step))
            wrong = None if answers[rank].killed else f"was not killed: {answers[rank].last}"
            if wrong is None and answers[1 - rank].code == 0:
                wrong = "the other one ended as if nothing had happened"
            if wrong is None:
                wrong = _same(_pair(path), path, whole)
            yield Attempt(f"rank {rank} at step {step}", wrong)


@promise("R4", "torchrun --standalone --max-restarts: a killed rank, and the job ends well", few=())
def restarted_jobs(ground):
    whole = _whole(ground)
    for step, rank in ((1, 0), (3, 1), (5, 1), (2, 0)):
        path = place(ground.folder, "restarted")
        shutil.rmtree(path, ignore_errors=True)
        code, said, _ = _torchrun(path, step, rank, "--max-restarts=3")
        wrong = None if code == 0 else f"code {code}: {said[-300:]}"
        yield Attempt(f"rank {rank} at step {step}", wrong or _differs(path, whole))


@promise(
    "R4", "torchrun without restarts: a killed rank, and everything is gone in seconds", few=()
)
def ended_jobs(ground):
    for step, rank in ((1, 1), (3, 0), (4, 1)):
        path = place(ground.folder, "ended")
        shutil.rmtree(path, ignore_errors=True)
        code, said, left = _torchrun(path, step, rank, "--max-restarts=0")
        wrong = f"processes are left: {left}" if left else None
        if code == 0:
            wrong = f"ended well: {said[-300:]}"
        yield Attempt(f"rank {rank} at step {step}", wrong, "gone")


def _torchrun(path, step, rank, *options):
    """A job's exit code, what it said, and processes that outlive it."""
    job = ["-m", "torture.rank_job", str(path), str(rank), str(step)]
    process = subprocess.Popen(
        [*TORCHRUN, "--nproc-per-node=2", *options, *job],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    said = process.communicate()[1]
    end = time.monotonic() + patient(MAX_SECONDS_TO_END)
    while left_in_group(process.pid) and time.monotonic() < end:
        time.sleep(0.1)
    left = left_in_group(process.pid)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return process.returncode, said, left


def _whole(ground):
    path = place(ground.folder, "pair")
    if not (path / "summary.json").exists():
        answers = _pair(path)
        assert [answer.code for answer in answers] == [0, 0], answers
    return path


def _pair(path, kill=(None, None)):
    """Answers of both processes of a run, forked."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(2):
        environment = {
            **{"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "WORLD_SIZE": "2"},
            **{"LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"},
            **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
        }
        before = (lambda step=kill[1]: die_at(step)) if rank == kill[0] else None
        words = ["train", *WORDS, "--out", path]
        children.append(Child(words, env=environment, before=before))
    return [child.wait() for child in children]


def _same(answers, path, whole):
    codes = [answer.code for answer in answers]
    return _differs(path, whole) if codes == [0, 0] else f"goes on with codes {codes}: {answers}"


def _differs(path, whole):
    """Weights are the same to the bit; means of the log differ in how they were summed."""
    newest = [sorted(one.glob("checkpoints/*.pt"))[-1] for one in (path, whole)]
    states = [torch.load(file, weights_only=True) for file in newest]
    for part in ("method", "average"):
        if any(not torch.equal(v, states[1][part][k]) for k, v in (states[0][part] or {}).items()):
            return f"differs in {part}"
    logs = [
        [json.loads(line) for line in (one / "log.jsonl").read_text().splitlines()]
        for one in (path, whole)
    ]
    return None if _near(*logs) else "differs in log.jsonl"


def _near(one, other):
    if isinstance(one, dict):
        names = one.keys() - set(TIMING)
        return one.keys() == other.keys() and all(_near(one[n], other[n]) for n in names)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_near, one, other))
    return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-7)
