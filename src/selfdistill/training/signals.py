"""Signals that ask a run to save and end."""

import math
import os
import signal
import threading
import time
from types import FrameType

from ..failures import Stopped

GRACE_SECONDS = 4.0


class StopRequest:
    """Remembers a SIGTERM, SIGINT or SIGUSR1 until the step at hand is done.

    A context manager: handlers stand while it is entered. If no step ends within
    ``GRACE_SECONDS`` of the signal, the process ends as it is: the last checkpoint holds. After a
    run's last step nothing is left to interrupt: it is finished, as if no signal had come.

    Args:
        after: Seconds after which to ask for the end without any signal; None for never.
    """

    def __init__(self, after: float | None = None) -> None:
        self._received: int | None = None
        self._deadline = math.inf if after is None else time.monotonic() + after
        self._before: dict[int, object] = {}
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "StopRequest":
        """Take over the signals; outside the main thread nothing is taken over."""
        if threading.current_thread() is threading.main_thread():
            for number in _signals():
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]
        if self._timer is not None:
            self._timer.cancel()

    @property
    def received(self) -> int | None:
        """The signal that came; SIGTERM when the time is up; None otherwise."""
        if self._received is None and time.monotonic() >= self._deadline:
            return signal.SIGTERM
        return self._received

    def raise_stopped(self, number: int, where: str) -> None:
        """End the run by an exception, once its state is saved."""
        raise Stopped(
            f"stopped by {signal.Signals(number).name}; saved in {where}: "
            "the same command goes on from there",
            number,
        )

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._received is not None and number == signal.SIGINT:
            os._exit(128 + number)
        self._received = number
        self._timer = threading.Timer(GRACE_SECONDS, os._exit, (128 + number,))
        self._timer.daemon = True
        self._timer.start()


def _signals() -> list[int]:
    names = ("SIGTERM", "SIGINT", "SIGUSR1")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
