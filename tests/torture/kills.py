"""SIGKILL at every kind of moment: what goes on ends like what was left alone."""

import shutil

import torch

from selfdistill.training.state import TrainState

from .attempts import Attempt, fault, promise
from .children import run
from .digest import differing, digest, tree
from .points import Points, choose, kind
from .trained import NAMES, finished, moments, place, words_of

AGAIN = 3
"""Every so manieth run is killed twice."""


@promise(
    "R1",
    "SIGKILL at any moment, in saves, evaluation and final writing, a third twice: the same run",
    parts=NAMES,
    few=("CrossEntropy", "SKDSAM"),
)
def kills(ground, method):
    words, path = words_of(method, ground.folder), place(ground.folder, f"killed-{method}")
    expected = digest(finished(ground.folder, method))
    passed = moments(ground.folder, method)
    chosen, _ = choose(passed, ground.of(4, 66), ground.random)
    for number, moment in enumerate(chosen):
        shutil.rmtree(path.parent, ignore_errors=True)
        first = run([*words, "--out", path], before=lambda at=moment: Points(at=at))
        what = f"{method}, {kind(passed[moment - 1])}"
        if not first.killed:
            yield Attempt(what, f"was not killed but ended with {first.code}: {first.last}")
            continue
        if number % AGAIN == 0:
            later = ground.random.randrange(1, len(passed))
            run([*words, "--out", path], before=lambda at=later: Points(at=at))
            what += f", then at moment {later}"
        yield _resumed(what, run([*words, "--out", path]), path, expected)


@promise("R1", "SIGKILL at random times: the same run", parts=NAMES, few=())
def random_kills(ground, method):
    words, path = words_of(method, ground.folder), place(ground.folder, f"killed-{method}")
    expected = digest(finished(ground.folder, method))
    length = run([*words, "--out", place(ground.folder, f"timed-{method}")]).seconds
    for _ in range(23):
        shutil.rmtree(path.parent, ignore_errors=True)
        seconds = ground.random.uniform(0.1, 1) * length
        run([*words, "--out", path], seconds=seconds)
        what = f"{method}, after {seconds:.2f} of {length:.2f} s"
        yield _resumed(what, run([*words, "--out", path]), path, expected)


@promise("R1", "controls: a run that forgets something when it goes on is noticed")
def kill_controls(ground):
    """What the digest would not see, the kills would prove nothing about."""
    method = "SKDSAM"
    words, expected = words_of(method, ground.folder), digest(finished(ground.folder, method))
    passed = moments(ground.folder, method)
    steps = [n for n, m in enumerate(passed, 1) if m.startswith("before train_step")]
    for name in ("nothing", *ground.some(CONTROLS, 3)):
        path = place(ground.folder, f"control-{name}")
        run([*words, "--out", path], before=lambda: Points(at=steps[-2]))
        answer = run([*words, "--out", path], before=_forgetting(CONTROLS.get(name, _nothing)))
        differs = answer.code == 0 and differing(digest(path), expected)
        if name == "nothing":
            yield _resumed("forgets nothing", answer, path, expected)
        else:
            wrong = None if differs else f"not noticed, code {answer.code}: {answer.last}"
            yield Attempt(f"forgets {name}", wrong, "noticed")


@promise("R5", "every file: written beside, synced, renamed, its folder synced; the manifest last")
def durable_order(ground):
    """What a crash of the machine could undo shows in the order of operations alone."""
    for method in ground.some(NAMES, 1):
        passed, last = moments(ground.folder, method), ""
        for number, moment in enumerate(passed):
            when, what, name = moment.split(" ", 2)
            if (when, what) != ("before", "replace"):
                continue
            wrong = None
            if not passed[number - 1].startswith("after fsync .new-"):
                wrong = f"renamed after {passed[number - 1]!r}, not synced"
            if not passed[number + 2].startswith("before fsync"):
                wrong = f"its folder is not synced, but {passed[number + 2]!r}"
            if name[:1].isdigit() and name.endswith(".json") and last != name[:-5] + ".pt":
                wrong = f"the manifest comes after {last}"
            last = name
            yield Attempt(f"{method}, {name}", wrong, "in order")


@promise("R2", "a finished run trained again: exit 0, no file touched")
def boundaries(ground):
    for method in ground.some(NAMES, 1):
        path = finished(ground.folder, method)
        before = tree(path)
        answer = run([*words_of(method, ground.folder), "--out", path])
        changed = differing(before, tree(path))
        wrong = f"code {answer.code}, changed: {changed}" if answer.code or changed else None
        yield Attempt(method, fault(answer) or wrong, "left as it was")


def _resumed(what, answer, path, expected):
    """Whether a run that went on is the uninterrupted one."""
    wrong = fault(answer)
    if wrong is None and answer.code:
        wrong = f"exit code {answer.code}: {answer.last}"
    if wrong is None:
        others = differing(digest(path), expected)
        wrong = f"differs in {', '.join(others)}" if others else None
    return Attempt(what, wrong)


def _forgetting(change):
    """What has to be called for a run to change the state that it goes on with."""

    def forget():
        load = TrainState.load_state_dict

        def forgetful(self, saved):
            load(self, {**saved, **change(self, saved)})

        TrainState.load_state_dict = forgetful

    return forget


def _nothing(state, saved):
    return {}


CONTROLS = {
    "the optimizer": lambda state, saved: {"optimizer": state.optimizer.state_dict()},
    "the average": lambda state, saved: {"average": state.average.state_dict()},
    "the step": lambda state, saved: {"step": max(0, saved["step"] - 1)},
    "the sums": lambda state, saved: {
        "sums": {name: torch.zeros_like(value) for name, value in saved["sums"].items()}
    },
    "the schedule": lambda state, saved: {"schedule": state.schedule.state_dict()},
}
