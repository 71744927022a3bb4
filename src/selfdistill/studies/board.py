"""What a person sees while a study runs: the grid on a terminal, plain lines elsewhere."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.live import Live
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..runs import RunDirectory, read_summary
from .layout import StudyLayout, StudyRun
from .result import RunResult

STYLES = {"failed": "red", "running": "yellow", "done": "green", "paused": "dim", "waiting": "dim"}
"""States of a run, those to look at first in front."""
SECONDS_BETWEEN_LINES = 60.0
"""Between two lines about what is running, where there is no terminal."""


class State(NamedTuple):
    """Where a run stands."""

    kind: str
    """One of ``STYLES``."""
    text: str
    accuracy: float | None = None
    """Of a finished run, percent."""


class Board:
    """Shows a study's progress; reads run directories, and writes nothing.

    A context manager: on a terminal the grid stands while it is entered, read anew each second.
    """

    def __init__(
        self,
        layout: StudyLayout,
        finished: Mapping[StudyRun, Path],
        console: Console | None,
        log: Callable[[str], None],
    ) -> None:
        self.layout = layout
        self.console = console
        self._log = log
        self._states = {run: self._done(path) for run, path in finished.items()}
        self._locked_before = {
            run: RunDirectory(run.directory).last_locked() for run in layout.runs
        }
        self._epochs: dict[StudyRun, int] = {}
        self._warned: set[str] = set()
        self._live: Live | None = None
        self._left = threading.Event()

    def __enter__(self) -> "Board":
        """Show the grid, on a terminal; elsewhere a line now and then about what is running."""
        if self.console is not None:
            self._live = Live(console=self.console, get_renderable=self.grid, refresh_per_second=1)
            self._live.start()
        else:
            threading.Thread(target=self._log_running, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the grid as it stands."""
        self._left.set()
        if self._live is not None:
            self._live.stop()

    def _log_running(self) -> None:
        """Where the running runs stand, in a line each minute."""
        while not self._left.wait(SECONDS_BETWEEN_LINES):
            states = {run.name: self.state(run) for run in self.layout.runs}
            running = [f"{name} {s.text}" for name, s in states.items() if s.kind == "running"]
            if running:
                self._log(f"running: {'; '.join(running)}")

    def log(self, line: str) -> None:
        """Show a line, above the grid."""
        if self._live is not None:
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            self._log(line)

    def end(self, run: StudyRun, end: RunResult) -> None:
        """Show how a run ended."""
        for warning in end.warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self.log(f"warning: {run.name}: {warning}")
        if end.path is None:
            self._states[run] = State("failed", "failed") if end.failed else self._saved(run)
            if end.began or end.failed:
                self.log(f"{run.name}: {end.reason}")
            return
        state = self._states[run] = self._done(end.path)
        if self._live is None:
            accuracy = "" if state.accuracy is None else f"{state.accuracy:.2f} %, "
            self.log(f"{run.name}: {accuracy}{end.path} ({end.seconds:.0f} s)")

    def grid(self) -> Table:
        """The grid as it stands: a row a cell, a column a seed, or counts where space is short."""
        rows = {
            cell.name: {run.seed: self.state(run) for run in self.layout.runs if run.cell == cell}
            for cell in self.layout.study.cells
        }
        assert self.console is not None
        urgent = _most_urgent(rows, self.console.height - 5)
        table, wide = _by_seed(urgent), Console(width=10_000)
        if Measurement.get(wide, wide.options, table).maximum > self.console.width:
            table = _by_state(urgent)
        if len(urgent) < len(rows):
            table.caption = f"and {len(rows) - len(urgent)} rows in which less happens"
        return table

    def state(self, run: StudyRun) -> State:
        """Where a run stands."""
        if run in self._states:
            return self._states[run]
        if RunDirectory(run.directory).last_locked() == self._locked_before[run]:
            return self._saved(run)
        return State("running", self._epoch(run) or "begins")

    def _saved(self, run: StudyRun) -> State:
        epoch = self._epoch(run)
        return State("paused", f"({epoch})") if epoch else State("waiting", "·")

    def _done(self, path: Path) -> State:
        accuracy = _accuracy(path, self.layout.study.split)
        return State("done", "done" if accuracy is None else f"{accuracy:.2f} ✓", accuracy)

    def _epoch(self, run: StudyRun) -> str:
        """Epochs done, of how many, and the last validation accuracy; empty at first."""
        directory = RunDirectory(run.directory)
        lines = directory.read_log()
        if not lines:
            return ""
        if run not in self._epochs:
            recipe = directory.read_recipe() or {}
            self._epochs[run] = int(str(recipe.get("epochs", 0)))
        name = "validation_accuracy"
        accuracies = [line[name] for line in lines if name in line]
        accuracy = f" {accuracies[-1]:.1f}" if accuracies else ""
        return f"{lines[-1]['epoch']}/{self._epochs[run]}{accuracy}"


Rows = Mapping[str, Mapping[int, State]]


def _by_seed(rows: Rows) -> Table:
    seeds = sorted({seed for states in rows.values() for seed in states})
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for seed in seeds:
        table.add_column(f"seed {seed}", justify="right", no_wrap=True)
    for name, states in rows.items():
        cells = (states.get(seed, State("waiting", "")) for seed in seeds)
        table.add_row(Text(name), *(Text(s.text, STYLES[s.kind]) for s in cells))
    return table


def _by_state(rows: Rows) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", overflow="ellipsis", no_wrap=True)
    for title in ("done", "now", "failed", "mean"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, states in rows.items():
        of = {kind: [s for s in states.values() if s.kind == kind] for kind in STYLES}
        values = [s.accuracy for s in of["done"] if s.accuracy is not None]
        table.add_row(
            Text(name),
            f"{len(of['done'])}/{len(states)}",
            Text(" · ".join(s.text for s in of["running"]), STYLES["running"]),
            Text(str(len(of["failed"]) or ""), STYLES["failed"]),
            f"{sum(values) / len(values):.2f}" if values else "",
        )
    return table


def _most_urgent(rows: Rows, count: int) -> Rows:
    """As many rows as fit, in their order; those where least happens are left out."""
    kinds = list(STYLES)
    urgency = {name: min(kinds.index(s.kind) for s in of.values()) for name, of in rows.items()}
    kept = sorted(rows, key=urgency.__getitem__)[: max(1, count)]
    return {name: states for name, states in rows.items() if name in kept}


def _accuracy(summary: Path, split: str | None) -> float | None:
    """Accuracy of the last epoch on the split, or on test, or on validation; percent."""
    try:
        content = read_summary(summary)
        for name in [split] if split else ["test", "validation"]:
            if name in content:
                scores = content.section(name).section("last").section("network")
                return scores.number("accuracy")
    except ValueError:
        pass  # the comparison names what is damaged
    return None
