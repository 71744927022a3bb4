"""Signals at chosen and at random moments: one line, the right code, and exact from there on."""

import os
import shutil
import signal
import subprocess
import sys
import time

from .attempts import Attempt, fault, promise
from .children import run
from .digest import differing, digest
from .points import Points, choose, kind
from .trained import finished, moments, place, words_of

METHOD = "CrossEntropy"
NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)
PROMISED = "TERM, INT, USR1, HUP: said in a line, code 128 + signal, and exactly on from there; "


@promise("R3", PROMISED + "after the last step the run is finished")
def signals(ground):
    passed = moments(ground.folder, METHOD)
    last_step = max(n for n, m in enumerate(passed, 1) if m.startswith("before train_step"))
    chosen, _ = choose(passed, ground.of(4, 60), ground.random)
    for count, moment in enumerate(chosen):
        number = NUMBERS[count % len(NUMBERS)]

        def act(number=number):
            os.kill(os.getpid(), number)

        what = f"{number.name} {kind(passed[moment - 1])}"
        path = _empty(ground)
        words = [*words_of(METHOD, ground.folder), "--out", path]
        answer = run(words, before=lambda at=moment, act=act: Points(at=at, act=act))
        codes = (0,) if moment > last_step + 1 else (0, 128 + number)
        yield _stopped(ground, what, answer, codes, path)


@promise("R3", PROMISED + "at random times", few=())
def random_signals(ground):
    words = words_of(METHOD, ground.folder)
    length = run([*words, "--out", place(ground.folder, "timed-signals")]).seconds
    for count in range(40):
        number = NUMBERS[count % len(NUMBERS)]
        path, seconds = _empty(ground), ground.random.uniform(0.05, 1) * length
        answer = run([*words, "--out", path], seconds=seconds, number=number)
        what = f"{number.name} after {seconds:.2f} of {length:.2f} s"
        yield _stopped(ground, what, answer, (0, 128 + number), path)


@promise("R3", "a second Ctrl-C ends a run at once")
def second_interrupt(ground):
    def act():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(3600)

    passed = moments(ground.folder, METHOD)
    inside = [n for n, m in enumerate(passed, 1) if m.startswith("before train_step")]
    for moment in ground.some(inside, 1):
        path = _empty(ground)
        words = [*words_of(METHOD, ground.folder), "--out", path]
        answer = run(words, before=lambda at=moment: Points(at=at, act=act))
        if answer.code == 130 and not answer.traceback:  # it says nothing: it was told twice
            answer = run(words)
        yield _stopped(ground, "twice", answer, (0,), path)


@promise("R3", "signals while Python and torch start: the code says which", few=())
def start_up(ground):
    """In processes of their own, for a forked one has started already."""
    command = [sys.executable, "-W", "ignore", "-m", "selfdistill"]
    for count in range(12):
        number, path = NUMBERS[count % len(NUMBERS)], _empty(ground)
        words = [*words_of(METHOD, ground.folder), "--out", path]
        child = subprocess.Popen(
            [*command, *map(str, words)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(0.3 + 0.4 * count)
        child.send_signal(number)
        said = child.communicate()[1]
        code = child.returncode if child.returncode >= 0 else 128 - child.returncode
        wrong = f"a traceback: {said[-200:]}" if "Traceback" in said else None
        if wrong is None and code not in (0, 128 + number):
            wrong = f"code {code}: {said[-200:]}"
        yield Attempt(f"{number.name} after {0.3 + 0.4 * count:.1f} s", wrong, "ended")


def _stopped(ground, what, answer, codes, path):
    wrong = fault(answer)
    if wrong is None and answer.code not in codes:
        wrong = f"code {answer.code}, expected {' or '.join(map(str, codes))}: {answer.last}"
    if wrong is None:
        last = run([*words_of(METHOD, ground.folder), "--out", path])
        wrong = fault(last) or (f"goes on with code {last.code}" if last.code else None)
    if wrong is None:
        others = differing(digest(path), digest(finished(ground.folder, METHOD)))
        wrong = f"differs in {', '.join(others)}" if others else None
    return Attempt(what, wrong, "stopped, the same" if answer.code else "finished, the same")


def _empty(ground):
    path = place(ground.folder, "signalled")
    shutil.rmtree(path, ignore_errors=True)
    return path
