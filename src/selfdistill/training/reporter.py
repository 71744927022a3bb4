"""What a person sees while a run trains: a bar on a terminal, plain lines elsewhere."""

from datetime import timedelta
from importlib.util import find_spec

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..consoles import console
from ..runs import LogLine


class Reporter:
    """Shows the progress of a run under its label; silent unless enabled, as in one process."""

    def __init__(self, *, epochs: int, steps: int, enabled: bool, label: str) -> None:
        self.epochs = epochs
        self.steps = steps
        self.enabled = enabled
        self.label = label
        self.console = console()
        self._bar: Progress | None = None

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

    def epoch(self, line: LogLine) -> None:
        """Show an epoch's figures."""
        if not self.enabled:
            return
        text = describe(line, self.epochs)
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            seconds, done = float(str(line["seconds"])), int(str(line["epoch"]))
            left = timedelta(seconds=round(seconds / done * (self.epochs - done)))
            print(f"{self.label}  {text}  {left} left", flush=True)


def describe(line: LogLine, epochs: int) -> str:
    """An epoch's figures in one line."""
    terms = line["terms"]
    assert isinstance(terms, dict)
    parts = [
        f"epoch {line['epoch']}/{epochs}",
        f"loss {line['loss']:.3f}",
        " ".join(f"{name} {value:.3f}" for name, value in terms.items()) if len(terms) > 1 else "",
        f"train {line['train_accuracy']:.1f} %",
        f"validation {line['validation_accuracy']:.1f} %" if "validation_accuracy" in line else "",
        f"{line['images_per_second']:,.0f} images/s",
    ]
    return "  ".join(part for part in parts if part)
