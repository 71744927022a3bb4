"""Runs commands in forked children: torch is imported once, and any moment can be the last.

A child has a process group of its own, little memory, and as much time as the machine needs: a
limit counts seconds of its processor, and one far above it ends what waits for ever.
"""

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch

import selfdistill.reports
import selfdistill.studies
import selfdistill.training  # noqa: F401
from selfdistill import cli
from selfdistill.cli import catalogue, data, predict, reports, runs, studies  # noqa: F401

torch.set_num_threads(1)
MAX_MEMORY = 8 << 30
MAX_CPU_SECONDS = 300
DOCUMENTED = {0, 2, 3, 4, 5, 6, 129, 130, 138, 143}


def patient(seconds):
    """Seconds on a quiet machine as seconds on this one, as busy as it is now."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Answer(NamedTuple):
    """What a child left: its exit code, 128 + signal where one killed it, and what it wrote."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def killed(self):
        return self.code == 128 + signal.SIGKILL

    @property
    def traceback(self):
        return "Traceback (most recent call last)" in self.err + self.out

    @property
    def errors(self):
        return [line for line in self.err.splitlines() if line.startswith("selfdistill")]

    @property
    def warnings(self):
        return [line for line in self.err.splitlines() if line.startswith("warning")]

    @property
    def last(self):
        return ([line for line in self.err.splitlines() if line.strip()] or [""])[-1]


class Child:
    """A command under way.

    Args:
        words: The command's words.
        call: Called instead of the command line.
        before: Called in the child first.
        cwd: Its folder.
        env: Environment variables; None removes one.
        memory: Bytes of address space that it may have.
        cpu: Seconds of a processor that it may have.
    """

    def __init__(
        self,
        words=(),
        *,
        call=None,
        before=None,
        cwd=None,
        env=None,
        memory=MAX_MEMORY,
        cpu=MAX_CPU_SECONDS,
    ):
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self._began, self._cpu = time.monotonic(), cpu
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid:
            with suppress(OSError):
                os.setpgid(self.pid, self.pid)  # whoever comes first
        else:
            code = 1
            try:
                self._prepare(cwd, env or {}, memory, cpu)
                if before:
                    before()
                code = call() if call else cli.main([str(word) for word in words])
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:
                traceback.print_exc()
            finally:
                with suppress(BaseException):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(code or 0)

    def _prepare(self, cwd, env, memory, cpu):
        os.setpgid(0, 0)
        warnings.resetwarnings()  # those of a user's process, whatever pytest and workers hide
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(self._out.fileno(), 1)
        os.dup2(self._err.fileno(), 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, "utf-8", "backslashreplace", closefd=False)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if cwd:
            os.chdir(cwd)
        for name, value in env.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    def send(self, number):
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def ended(self):
        """Whether it has ended; it can still be waited for."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def wait(self):
        pause = 0.001
        while not self.ended():
            if time.monotonic() - self._began > patient(2 * self._cpu):
                os.killpg(self.pid, signal.SIGKILL)
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        texts = []
        for file in (self._out, self._err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        return Answer(code if code >= 0 else 128 - code, *texts, time.monotonic() - self._began)


def run(words=(), *, seconds=None, number=signal.SIGKILL, **how):
    """Run a command to its end, or to a signal after so many seconds."""
    child = Child(words, **how)
    if seconds is not None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not child.ended():
            time.sleep(0.002)
        child.send(number)
    return child.wait()


def left_in_group(pid):
    """Processes of a child's group that outlive it."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found
