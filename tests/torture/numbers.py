"""Numbers that are not finite end a run; the same seed gives the same run, another one another."""

import shutil
from collections import Counter
from functools import partial

import torch

from selfdistill.methods import METHODS
from selfdistill.training.state import TrainState

from .attempts import Attempt, fault, promise
from .children import run
from .digest import differing, digest
from .trained import WORDS, finished, place, words_of

METHOD = "CrossEntropy"
FAULTS = {
    "NaN loss": lambda loss, weights: loss + torch.nan,
    "infinite loss": lambda loss, weights: loss + torch.inf,
    "NaN gradient": lambda loss, weights: loss + (0 * weights.sum()).sqrt(),
    "infinite gradient": lambda loss, weights: (
        loss + (1e-30 * weights.sum()).abs().pow(1e-3) * 1e30
    ),
}
ABSURD = (
    *("--optimizer.lr=1e30", "--optimizer.lr=1e300", "--optimizer.weight_decay=1e30"),
    *("--optimizer.momentum=1e20", "--optimizer.lr=3e38", "--optimizer.lr=-1e25"),
)


def spoil(method, step, change):
    """Let a training step of a method go wrong, counted from 0."""
    build = next(one for one in METHODS if one.__name__ == method)
    forward, calls = build.forward, Counter()

    def faulty(self, *args, **kwargs):
        output = forward(self, *args, **kwargs)
        if not torch.is_grad_enabled():
            return output
        calls["steps"] += 1
        if calls["steps"] != step + 1:
            return output
        name, term = next(iter(output.terms.items()))
        weights = next(p for p in self.parameters() if p.requires_grad)
        return output._replace(terms={**output.terms, name: change(term, weights)})

    build.forward = faulty


@promise("R10", "a step that is not finite: code 6, a report, nothing from after it is kept")
def not_finite(ground):
    cases = [(name, step) for step in (0, 1, 3, 5) for name in FAULTS]
    methods = (METHOD, "SKDSAM")
    for name, step in ground.some(cases, 2):
        for method in ground.some(methods, 1):
            path = _empty(ground, f"spoiled-{method}")
            words = [*words_of(method, ground.folder), "--out", path]
            answer = run(words, before=partial(spoil, method, step, FAULTS[name]))
            wrong = fault(answer) or (None if answer.code == 6 else f"code {answer.code}")
            steps = [int(file.stem) for file in path.glob("checkpoints/*.pt")]
            if wrong is None and max(steps, default=0) > step:
                wrong = f"kept a checkpoint of step {max(steps)}"
            if wrong is None and not (path / "failure.json").exists():
                wrong = "left no report"
            if wrong is None and (path / "summary.json").exists():
                wrong = "ended all the same"
            if wrong is None:
                last = run(words)
                others = differing(digest(path), digest(finished(ground.folder, method)))
                wrong = fault(last) or (f"differs later: {others}" if others else None)
            yield Attempt(f"{method}, {name} at step {step}", wrong, "stopped, the same later")


@promise("R10", "absurd learning rates, decays, momenta: code 6 or refused, no network left")
def absurd(ground):
    for option in ground.some(ABSURD, 1):
        path = _empty(ground, "absurd")
        answer = run(["train", *WORDS, "--method", METHOD, option, "--out", path])
        wrong = fault(answer)
        if wrong is None and answer.code not in (2, 6):
            wrong = f"code {answer.code}"
        if wrong is None and (path / "model").exists():
            wrong = "left a network"
        yield Attempt(option, wrong, "stopped" if answer.code == 6 else "refused")


@promise(
    "R11", "the same seed: the same weights, log and predictions; loggers and saves change none"
)
def same_seed(ground):
    changes = {
        "again": [],
        "TensorBoard": ["--logger", "tensorboard"],
        "no checkpoints": ["--checkpoint-seconds", "3600"],
        "over another run": ["--overwrite"],
    }
    for method in ground.some((METHOD, "SKDSAM", "DDGSD"), 1):
        expected = digest(finished(ground.folder, method))
        for name, more in ground.some(changes.items(), 2):
            path = _empty(ground, "again")
            answer = run([*words_of(method, ground.folder), *more, "--out", path])
            wrong = fault(answer)
            if wrong is None:
                others = [n for n in differing(digest(path), expected) if n in NUMBERS]
                wrong = f"differs in {others}" if others else None
            yield Attempt(f"{method}, {name}", wrong)


@promise("R11", "control: another seed is another run")
def other_seed(ground):
    for seed in ground.some((1, 2, 3), 1):
        path = _empty(ground, "other-seed")
        run([*words_of(METHOD, ground.folder), "--seed", str(seed), "--out", path])
        others = differing(digest(path), digest(finished(ground.folder, METHOD)))
        missing = [name for name in NUMBERS if name not in others]
        wrong = f"the same in {missing}" if missing else None
        yield Attempt(f"seed {seed}", wrong, "differs")


NUMBERS = ("model/model.safetensors", "log.jsonl", "predictions.npz")


@promise("R11", "evaluation between steps changes nothing: control for the order of random numbers")
def read_between(ground):
    """Look at the test images before every step."""

    def look():
        step = TrainState.train_step

        def looking(self, epoch):
            torch.rand(7)
            step(self, epoch)

        TrainState.train_step = looking

    path = _empty(ground, "looked")
    run([*words_of(METHOD, ground.folder), "--out", path], before=look)
    others = differing(digest(path), digest(finished(ground.folder, METHOD)))
    yield Attempt("random numbers drawn by others", f"differs in {others}" if others else None)


def _empty(ground, name):
    path = place(ground.folder, name)
    shutil.rmtree(path, ignore_errors=True)
    return path
