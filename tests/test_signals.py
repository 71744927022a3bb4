"""Signals end a command with a line and their code."""

import os
import signal
import sys
import time
import warnings

import pytest

from selfdistill import cli, signals

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(autouse=True)
def _heard():
    """SIGHUP, which nohup ignores."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def outcome(work):
    """Exit code and standard error of work in a child."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads that a fork does not copy
        child = os.fork()
    if child == 0:
        os.dup2(writing, 2)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        code = 99
        try:
            code = work()
        finally:
            os._exit(code if isinstance(code, int) else 98)  # a child never goes on as pytest
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = stream.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def send(name):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(60)


@pytest.mark.parametrize(
    ("name", "code"), [("SIGTERM", 143), ("SIGINT", 130), ("SIGUSR1", 138), ("SIGHUP", 129)]
)
def test_a_command_that_has_nothing_to_save_ends_with_a_line(monkeypatch, name, code):
    monkeypatch.setattr(cli, "_command", lambda words: lambda rest: send(name))
    answer = outcome(lambda: cli.main(["predict", "run"]))
    assert answer == (code, f"selfdistill: stopped by {name}\n")
    answer = outcome(lambda: cli.main(["train"]))
    assert answer == (code, f"selfdistill: stopped by {name}; run the same command to resume\n")


def test_work_that_does_not_end_is_ended(monkeypatch):
    def stubborn(words):
        for name in ("SIGTERM", "SIGTERM") if words[0] == "twice" else ("SIGTERM",):
            try:
                send(name)
            except KeyboardInterrupt:
                continue
        time.sleep(60)

    monkeypatch.setattr(cli, "_command", lambda words: lambda rest: stubborn(words))
    monkeypatch.setattr(signals, "GRACE_SECONDS", 0.1)
    code, said = outcome(lambda: cli.main(["once"]))
    assert (code, said) == (
        143,
        "selfdistill: stopped by SIGTERM: the work at hand did not end in time\n",
    )
    monkeypatch.setattr(signals, "GRACE_SECONDS", 60.0)
    code, said = outcome(lambda: cli.main(["twice"]))
    assert (code, said) == (143, "selfdistill: stopped by SIGTERM: asked twice\n")


def test_what_is_ignored_stays_ignored(monkeypatch):
    def nohup():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return cli.main(["predict"])

    def hang_up(words):
        os.kill(os.getpid(), signal.SIGHUP)
        return 7

    monkeypatch.setattr(cli, "_command", lambda words: hang_up)
    assert outcome(nohup) == (7, "")

    def run():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with signals.StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            return 7 if stop.received is None else 8

    assert outcome(run) == (7, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_takes_too_long_to_save_says_what_holds(monkeypatch, number):
    monkeypatch.setattr(signals, "GRACE_SECONDS", 0.1)

    def run():
        with signals.StopRequest() as stop:
            os.kill(os.getpid(), number)
            stop.saved = "RUN holds step 3"
            time.sleep(60)

    name = signal.Signals(number).name
    assert outcome(run) == (
        128 + number,
        f"selfdistill: stopped by {name}: the work at hand takes longer than 0.1 s; "
        "RUN holds step 3\n",
    )


def test_a_second_interrupt_ends_a_run_at_once():
    def run():
        with signals.StopRequest():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)

    assert outcome(run) == (130, "selfdistill: stopped by SIGINT: nothing is saved yet\n")
