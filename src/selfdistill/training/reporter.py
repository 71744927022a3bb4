"""What a person sees while a run trains: a bar on a terminal, plain lines elsewhere."""

import time
from datetime import timedelta
from importlib.util import find_spec

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..consoles import console
from ..runs import LogLine

SECONDS_BETWEEN_LINES = 30.0
"""Between two lines about steps, where there is no bar."""


class Reporter:
    """Shows the progress of a run under its label; silent unless enabled, as in one process."""

    def __init__(self, *, epochs: int, steps: int, enabled: bool, label: str) -> None:
        self.epochs = epochs
        self.steps = steps
        self.enabled = enabled
        self.label = label
        self.console = console()
        self._bar: Progress | None = None
        self._first: tuple[float, int] | None = None
        """When the first step of this process was done, and how many were then."""
        self._line_at = 0.0

    def __enter__(self) -> "Reporter":
        """Show the bar, on a terminal and in notebooks that have ipywidgets."""
        in_notebook = self.console.is_jupyter and find_spec("ipywidgets") is not None
        if self.enabled and (self.console.is_interactive or in_notebook):
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=self.console,
            )
            self._task = self._bar.add_task(self.label, total=self.epochs * self.steps)
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.stop()

    def step(self, done: int) -> None:
        """Show how many steps are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        elif self.enabled:
            self._step_line(done)

    def epoch(self, line: LogLine) -> None:
        """Show an epoch's figures."""
        if not self.enabled:
            return
        if self._bar is not None:
            text = describe(line, self.epochs)
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            seconds, done = float(str(line["seconds"])), int(str(line["epoch"]))
            left = timedelta(seconds=round(seconds / done * (self.epochs - done)))
            print(f"{self.label}  {describe(line, self.epochs, f'{left} left')}", flush=True)
            self._line_at = time.monotonic()

    def _step_line(self, done: int) -> None:
        """A line now and then, as long as no epoch's end says how far training is."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._line_at = (now, done), now
            return
        if now - self._line_at < SECONDS_BETWEEN_LINES:
            return
        self._line_at = now
        start, before = self._first
        total = self.epochs * self.steps
        left = timedelta(seconds=round((now - start) / (done - before) * (total - done)))
        epoch, step = divmod(done - 1, self.steps)
        print(
            f"{self.label}  epoch {epoch + 1}/{self.epochs}  step {step + 1}/{self.steps}  "
            f"{left} left",
            flush=True,
        )


def describe(line: LogLine, epochs: int, left: str = "") -> str:
    """An epoch's figures in one line, what matters most in front."""
    terms = line["terms"]
    assert isinstance(terms, dict)
    parts = [
        f"epoch {line['epoch']}/{epochs}",
        f"validation {line['validation_accuracy']:.1f} %" if "validation_accuracy" in line else "",
        f"train {line['train_accuracy']:.1f} %",
        left,
        f"{line['images_per_second']:,.0f} images/s",
        f"loss {line['loss']:.3f}",
        " ".join(f"{name} {value:.3f}" for name, value in terms.items()) if len(terms) > 1 else "",
    ]
    return "  ".join(part for part in parts if part)
