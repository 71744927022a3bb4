"""Kills runs with SIGKILL at random moments and lets them go on; prints a digest of each.

Imports once and forks for every attempt: ``kill.py OUT KILLS SEED``. At the end, as a control, a
run forgets its momentum whenever it goes on, so that its digest must differ.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from small_run import WORDS

from selfdistill.training import parse, train
from selfdistill.training.trainee import Trainee

MOST_KILLS_OF_A_RUN = 5
TIMING = ("seconds", "images_per_second")


def attempt(path, method):
    words = [*WORDS, "--method", method, "--ema-decay", "0.9", "--checkpoint-seconds", "0"]
    words += ["--epochs", "4", "--data.validation-per-class", "2", "--out", str(path)]
    train(parse(words))


def fork(path, method, seconds=None):
    """Run in a child, killed after so many seconds; the exit status."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            attempt(path, method)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def digest(path):
    """Weights, their average, optimizer and log, timing aside."""
    checkpoint = sorted((path / "checkpoints").glob("*.pt"))[-1]
    state = torch.load(checkpoint, weights_only=True)
    del state["seconds"], state["training_seconds"]
    lines = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    log = [{k: v for k, v in line.items() if k not in TIMING} for line in lines]
    result = hashlib.sha256(json.dumps(log).encode())
    result.update((path / "model" / "model.safetensors").read_bytes())
    _feed(result, state)
    return result.hexdigest()


def _feed(result, value):
    if isinstance(value, torch.Tensor):
        result.update(value.numpy().tobytes())
    elif isinstance(value, dict):
        for key in value:
            result.update(str(key).encode())
            _feed(result, value[key])
    elif isinstance(value, list | tuple):
        for item in value:
            _feed(result, item)
    else:
        result.update(str(value).encode())


def forget_optimizer():
    restore = Trainee.restore

    def forgetful(self, state):
        fresh = self.optimizer.state_dict()
        restore(self, {**state, "optimizer": fresh})

    Trainee.restore = forgetful


def kill_runs(out, method, kills, length, random_):
    """Digests of runs that were killed so often in all, and how often they were."""
    killed, digests = 0, set()
    while killed < kills:
        path = out / f"{method}-{len(list(out.iterdir()))}"
        attempts = 0
        while not (path / "summary.json").exists():
            # what follows the last checkpoint is done in one go, and slowly on a busy machine
            soon = attempts < MOST_KILLS_OF_A_RUN
            status = fork(path, method, random_.uniform(0.05, 0.9) * length if soon else None)
            killed += status == signal.SIGKILL
            attempts += 1
            assert status in (0, signal.SIGKILL), status
        digests.add(digest(path))
    return {"digests": sorted(digests), "kills": killed}


def main():
    torch.set_num_threads(1)
    out, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    random_, results = random.Random(seed), {}
    parse(WORDS).recipe.data.splits()  # imports what children would import each for itself
    for method in ("CrossEntropy", "SKDSAM"):
        whole = out / f"{method}-whole"
        started = time.monotonic()
        assert fork(whole, method) == 0
        length = time.monotonic() - started
        results[method] = kill_runs(out, method, kills, length, random_)
        results[method]["whole"] = digest(whole)
    forget_optimizer()
    results["control"] = kill_runs(out, "SKDSAM", 3, length, random_)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
