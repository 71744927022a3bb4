"""Runs that take half a second, whole and interrupted, made once for all attempts."""

import shutil
from functools import cache
from pathlib import Path

from selfdistill.methods import METHODS
from selfdistill.runs import RunDirectory

from .children import run
from .points import Points

SMALL = [
    *("--config", "digits", "--backbone.width", "8", "--epochs", "2", "--warmup-epochs", "1"),
    *("--batch-size", "16", "--precision", "fp32", "--threads", "1"),
    *("--data.train-per-class", "5", "--data.test-per-class", "4"),
]
WORDS = [
    *SMALL,
    *("--data.validation-per-class", "2", "--test", "--checkpoint-seconds", "0"),
    *("--ema-decay", "0.9"),
]
NAMES = tuple(method.__name__ for method in METHODS)


def place(folder, name):
    """A run's folder: all have one name, which is part of what a run leaves."""
    return folder / name / "run"


def words_of(method, folder):
    """The command that trains a method, but for its folder."""
    words = ["train", *WORDS, "--method", method]
    if method == "KD":
        words += ["--method.teacher", finished(folder, "CrossEntropy", "--seed", "3")]
    return words


@cache
def finished(folder, method, *more):
    """A finished run; not to be changed."""
    path = place(folder, "-".join(("finished", method, *(word.strip("-") for word in more))))
    answer = run([*words_of(method, folder), *more, "--out", path])
    assert answer.code == 0, answer
    return path


@cache
def moments(folder, method):
    """Every moment of a run, start to end."""
    record = folder / f"moments-{method}"
    path = place(folder, f"recorded-{method}")
    answer = run([*words_of(method, folder), "--out", path], before=lambda: Points(record=record))
    assert answer.code == 0, answer
    return record.read_text().splitlines()


@cache
def unfinished(folder, method):
    """A run killed in its last epoch, with a line in its log and two checkpoints."""
    path = place(folder, f"unfinished-{method}")
    steps = [n for n, m in enumerate(moments(folder, method), 1) if m.startswith("before train_")]
    words = [*words_of(method, folder), "--out", path]
    answer = run(words, before=lambda: Points(at=steps[-1]))
    assert answer.killed, answer
    RunDirectory(path).lock().release()
    return path


def copy(run_, path):
    """A copy of a run, in a new folder."""
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(run_, path, symlinks=True)
    return Path(path)
