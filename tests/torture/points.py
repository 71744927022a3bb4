"""The moments of a run: before and after every durable operation, step and evaluation."""

import os
import signal
import tempfile
import time
from pathlib import Path

from selfdistill.training.state import TrainState

DURABLE = ("replace", "rename", "fsync", "unlink", "mkdir")
STATE = ("train_step", "predict", "load_state_dict")


class Points:
    """Counts the moments of this process from 1 on, and acts at one of them.

    Args:
        at: The moment to act at; 0 for none.
        act: What to do there; by default the process kills itself.
        record: A file that gets a line a moment.
    """

    def __init__(self, *, at=0, act=None, record=None):
        self.count, self.at, self.act = 0, at, act or kill_self
        self.record = None if record is None else Path(record).open("a", buffering=1)  # noqa: SIM115
        for name in DURABLE:
            self._watch(os, name)
        self._watch(tempfile, "mkstemp")
        for name in STATE:
            self._watch(TrainState, name)

    def _watch(self, owner, name):
        real = getattr(owner, name)

        def watched(*args, **kwargs):
            where = _place(args)
            self._pass(f"before {name} {where}")
            result = real(*args, **kwargs)
            self._pass(f"after {name} {where}")
            return result

        setattr(owner, name, watched)

    def _pass(self, moment):
        self.count += 1
        if self.record:
            print(moment, file=self.record)
        if self.count == self.at:
            self.act()


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _place(args):
    """The file that an operation is about."""
    if args and isinstance(args[0], int):
        return Path(f"/proc/self/fd/{args[0]}").readlink().name
    names = [arg for arg in args if isinstance(arg, str | Path)]
    return Path(names[-1]).name if names else ""


def kind(moment):
    """A moment without its number: ``after replace #########.pt``."""
    when, what, *place = moment.split(" ", 2)
    name = "".join("#" if letter.isdigit() else letter for letter in "".join(place))
    return f"{when} {what} {'.new-' if '.new-' in name else name}".strip()


def choose(moments, count, random):
    """Numbers of so many moments, evenly over their kinds; and how many kinds there are."""
    kinds = {}
    for number, moment in enumerate(moments, 1):
        kinds.setdefault(kind(moment), []).append(number)
    for numbers in kinds.values():
        random.shuffle(numbers)
    chosen, turn = [], 0
    while len(chosen) < min(count, len(moments)):
        chosen += [numbers[turn] for numbers in kinds.values() if turn < len(numbers)]
        turn += 1
    return chosen[:count], len(kinds)
