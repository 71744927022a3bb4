"""Signals that ask for an end: a command ends with a line, a run saves first."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType

from .failures import Stopped

GRACE_SECONDS = 4.0
SHOW_CURSOR = "\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end of a command that has nothing to save."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Handlers:
    """Handlers for the signals that ask for an end, given back by ``close``.

    What was ignored stays ignored, as SIGHUP is under nohup; outside the main thread nothing is
    taken over.
    """

    def __init__(self, handler: Callable[[int, FrameType | None], None]) -> None:
        self._before: dict[int, object] = {}
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGHUP"):
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, handler)

    def close(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]


@contextmanager
def interruptible() -> Generator[None]:
    """Raise :class:`Interrupted` when a signal asks for the end.

    The process ends as it is if that takes longer than ``GRACE_SECONDS``, or with a second signal.
    """
    timers: list[threading.Timer] = []

    def answer(number: int, frame: FrameType | None) -> None:
        del frame
        if timers:
            leave(number, "asked twice")
        timers.append(_timer(lambda: leave(number, "the work at hand did not end in time")))
        raise Interrupted(number)

    handlers = _Handlers(answer)
    try:
        yield
    finally:
        handlers.close()
        for timer in timers:
            timer.cancel()


class StopRequest:
    """Remembers a signal until the step at hand is done.

    A context manager: handlers stand while it is entered. If no step ends within
    ``GRACE_SECONDS`` of the signal, or SIGINT comes twice, the process ends as it is, with a line
    that says what holds. After a run's last step nothing is left to interrupt: it is finished, as
    if no signal had come.

    Args:
        after: Seconds after which to ask for the end without any signal; None for never.
    """

    def __init__(self, after: float | None = None) -> None:
        self.saved = "nothing is saved yet"
        """What the process leaves if it ends as it is."""
        self._received: int | None = None
        self._deadline = math.inf if after is None else time.monotonic() + after
        self._handlers: _Handlers | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "StopRequest":
        """Take over the signals."""
        self._handlers = _Handlers(self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        """Give the signals back."""
        if self._handlers is not None:
            self._handlers.close()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def received(self) -> int | None:
        """The signal that came; SIGTERM when the time is up; None otherwise."""
        if self._received is None and time.monotonic() >= self._deadline:
            return signal.SIGTERM
        return self._received

    def raise_if_received(self, where: str) -> None:
        """End the run by an exception if a signal came or the time is up."""
        if (number := self.received) is not None:
            self.raise_stopped(number, where)

    def raise_stopped(self, number: int, where: str) -> None:
        """End the run by an exception, once its state is saved."""
        raise Stopped(
            f"stopped by {signal.Signals(number).name}; saved in {where}: "
            "run the same command to resume",
            number,
        )

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._received is not None and number == signal.SIGINT:
            leave(number, self.saved)
        self._received = number
        late = f"the work at hand takes longer than {GRACE_SECONDS:g} s"
        if self._timer is None:
            self._timer = _timer(lambda: leave(number, f"{late}; {self.saved}"))


def leave(number: int, why: str) -> None:
    """End the process as it is, with a line."""
    shown = SHOW_CURSOR if os.isatty(2) else ""
    text = f"{shown}selfdistill: stopped by {signal.Signals(number).name}: {why}\n"
    with suppress(OSError):  # closed
        os.write(2, text.encode())
    os._exit(128 + number)


def _timer(leave: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(GRACE_SECONDS, leave)
    timer.daemon = True
    timer.start()
    return timer
