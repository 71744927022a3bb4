"""Runs of two processes, forked so that both import once: ``pair.py OUT`` prints what they left.

One is left alone, started again, and refused another recipe; one is stopped in mid-epoch and goes
on; one meets a loss in its second process that is not a number.
"""

import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest
import torch
from spoiling import spoil_step

from selfdistill import signals
from selfdistill.config import parse
from selfdistill.evaluation import hardware
from selfdistill.failures import Failure, StorageFailure
from selfdistill.methods import CrossEntropy
from selfdistill.training import checkpoint, number_format, train
from selfdistill.training.state import TrainState
from small_run import WORDS

STOP_AFTER, SPOILED = 4, 5
UNFORESEEN = 70
"""Exit status of what no code stands for."""


def stop(self, epoch, step=TrainState.train_step):
    step(self, epoch)
    if self.steps_done == STOP_AFTER and self.fabric.global_rank == 1:
        os.kill(os.getpid(), signal.SIGTERM)


def refuse(folder, step, state):
    raise StorageFailure("the disk is full")


def break_down(folder, step, state):
    raise RuntimeError("an error of an unforeseen kind")


def note_weights(path, end=TrainState.end_epoch):
    """Write down what each process has learned by the end of each epoch."""

    def noting(self):
        total = sum(float(p.double().sum()) for p in self.method.parameters())
        with path.with_name(f"weights{self.fabric.global_rank}").open("a") as file:
            print(path.name, self.epoch, total, file=file)
        end(self)

    TrainState.end_epoch = noting


def measure(settings, splits, device):
    return "bf16", "measured by the first process"


def member(rank, port, path, fault):
    """One process of a run; its exit status, and on disk the threads that outlive the run."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"}
    os.environ |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if fault == "stop":
        TrainState.train_step = stop
    if fault == "loss" and rank == 1:
        spoil_step(pytest.MonkeyPatch(), CrossEntropy, 2 * SPOILED, fault)
    if fault in ("save", "breakdown"):
        checkpoint.save = refuse if fault == "save" else break_down
    note_weights(path)
    if fault == "precision":
        hardware.processor_flags = lambda: frozenset({"amx_bf16"})
        number_format.measured = measure if rank == 0 else refuse
    words = ["--method", "CrossEntropy", "--accelerator", "cpu", "--out", str(path)]
    words += ["--accumulation", "2"]
    if fault == "trackers":
        words += ["--logger", "tensorboard"]
    if fault == "recipe":
        words += ["--epochs", "9"]
    if fault == "precision":
        words += ["--epochs", "1", "--warmup-epochs", "0", "--precision", "auto"]
    often = fault in ("loss", "save", "breakdown")
    words += ["--checkpoint-seconds", "0" if often else "60"]
    try:
        train(parse([*WORDS, *words]))
        status = 0
    except Failure as failure:
        status = failure.exit_code
    except ValueError:
        status = 2
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    with path.with_name("threads").open("a") as file:
        file.writelines(f"{path.name}, {fault}: {name}\n" for name in names if "gloo" in name)
    return status


def run(path, fault=None):
    """Exit statuses of both processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            status = UNFORESEEN
            try:
                status = member(rank, port, path, fault)
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def damage(run, copy):
    """Copy a run, with a record of trackers that nobody can read."""
    shutil.copytree(run, copy)
    (copy / "trackers.json").write_text("{")


def main():
    torch.set_num_threads(1)
    signals.GRACE_SECONDS = 300.0  # a busy machine takes long for a step
    out = Path(sys.argv[1])
    parse(WORDS).ingredients.data.splits()  # imports what children would import each for itself
    answers = {
        "whole": run(out / "whole"),
        "finished": run(out / "whole"),
        "refused": run(out / "whole", "recipe"),
        "damaged": damage(out / "whole", out / "damaged"),
        "untracked": run(out / "damaged", "trackers"),
        "stopped": run(out / "stopped", "stop"),
        "resumed": run(out / "stopped"),
        "spoiled": run(out / "spoiled", "loss"),
        "disk full": run(out / "full", "save"),
        "broken": run(out / "broken", "breakdown"),
        "measured": run(out / "measured", "precision"),
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
