"""How far a long piece of work is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from datetime import timedelta

from rich import progress as rich

from ..consoles import console

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines, at least."""
MEGABYTE = 10**6


class Progress:
    """Shows on standard error how many of ``total`` images or bytes are done; a context manager."""

    def __init__(
        self, title: str, total: int | None, *, done: int = 0, in_bytes: bool = False
    ) -> None:
        self.title = title
        self.total = total
        self.done = self.before = done
        self.in_bytes = in_bytes
        self._bar: rich.Progress | None = None

    def __enter__(self) -> "Progress":
        stderr = console(stderr=True)
        if stderr.is_interactive:
            counts = (
                [rich.DownloadColumn(), rich.TransferSpeedColumn()]
                if self.in_bytes
                else [rich.MofNCompleteColumn()]
            )
            self._bar = rich.Progress(
                rich.TextColumn("{task.description}", markup=False),
                rich.BarColumn(),
                *counts,
                rich.TimeRemainingColumn(),
                console=stderr,
            )
            self._task = self._bar.add_task(self.title, total=self.total, completed=self.done)
            self._bar.start()
        else:
            print(self.title, file=sys.stderr, flush=True)
        self._started = self._last_line = time.monotonic()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done)
        elif now - self._last_line >= PLAIN_SECONDS and self.done != self.total:
            self._last_line = now
            rate = (self.done - self.before) / max(now - self._started, 1e-3)
            speed = f"{rate / MEGABYTE:.1f} MB/s" if self.in_bytes else f"{rate:,.0f} pictures/s"
            if self.total is None:
                line = f"  {self.done / MEGABYTE:,.0f} MB, {speed}"
            else:
                left = timedelta(seconds=round((self.total - self.done) / max(rate, 1e-3)))
                line = f"  {self.done / self.total:.0%}, {speed}, {left} left"
            print(line, file=sys.stderr, flush=True)
