"""Runs what a study still misses, and nothing else."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from . import jobs
from .board import Board
from .ended import FAULT, LOCKED, Arguments, Ended
from .formats import choose_formats
from .grid import Study
from .places import Places, Run

RESERVE_SECONDS = 10.0
"""What is kept of a budget for the last step, the last checkpoint and the comparison."""
RESERVE_SHARE = 0.2


Engine = Callable[[Sequence[Arguments], Callable[[Ended], None], float | None], list[Ended]]
"""Trains runs somewhere, as :func:`selfdistill.studies.jobs.run_all` does here."""


class Outcome(NamedTuple):
    """What there is of a study."""

    summaries: list[Path]
    """Of every finished run, in the order of the grid."""
    missing: dict[str, str]
    """Runs that are not finished, with the reasons."""
    failed: int
    """How many of them the same command would not go on with."""
    code: int
    """Exit code: 0, also when only time was short; else that of the runs that failed."""


@dataclass(frozen=True)
class StudyRunner:
    """Trains the runs that have neither a finished directory nor a summary among the results.

    Args:
        study: The grid.
        out: Where run directories go: ``out/STUDY/CELL/seedSEED``.
        results: Where summaries are copied to, ``results/STUDY/CELL-sSEED.json``; None for nowhere.
        jobs: Runs at the same time, where no engine is given.
        further: Words of ``train`` for every run, such as where the data lie.
        say: Shows a line.
        engine: Where runs are trained; None for processes of this machine.
        console: A terminal that shows the grid as it fills; None for lines alone.
        formats: Number formats of cells that leave it open; found where there are none and runs
            are trained here.
    """

    study: Study
    out: Path
    results: Path | None
    jobs: int
    further: Sequence[str]
    say: Callable[[str], None]
    engine: Engine | None = None
    console: Console | None = None
    formats: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def places(self) -> Places:
        """Where the study's files lie."""
        return Places(self.study, self.out, self.results, self.further, self.formats)

    def run(self, seconds: float | None = None) -> Outcome:
        """Train what is missing, pupils after their teachers.

        Args:
            seconds: Before so many have passed, runs save and stop; None for no limit.

        Raises:
            ValueError: If no cell's settings can be read.
            Stopped: If a signal came; what was trained is saved.
        """
        started = time.monotonic()
        if self.engine is None:
            formats = choose_formats(self.places, self.say)
            return replace(self, formats=formats)._run(started, seconds)
        return self._run(started, seconds)

    def _run(self, started: float, seconds: float | None) -> Outcome:
        runs = self.study.runs()
        if seconds is not None:
            seconds -= min(RESERVE_SECONDS, RESERVE_SHARE * seconds)
        finished = {run: path for run in runs if (path := self.places.finished(run)) is not None}
        again = self._forgotten(runs, finished)
        finished = {run: path for run, path in finished.items() if run not in again}
        for run, path in finished.items():
            if path == self.places.directory(run):
                self.places.keep(run)
        wanted = [run for run in runs if run not in finished]
        ended = self._refuse(wanted)
        done = f"{len(finished)} done, {len(wanted)} to train"
        board = Board(self.places, runs, finished, self.console, self.say)
        with board:
            board.say(f"{self.study.name}: {len(runs)} runs, {done}")
            for cell, seed in again:
                board.say(f"{cell.name} seed {seed}: again, its weights are gone and to teach")
            for run, end in ended.items():
                board.end(run, end)
            for depth in sorted({self.study.lessons(cell) for cell, _ in wanted}):
                wave = [r for r in wanted if self.study.lessons(r[0]) == depth and r not in ended]
                left = None if seconds is None else seconds - (time.monotonic() - started)
                ended |= self._train(wave, ended, board, left)
        return self._outcome(runs, finished, ended)

    def _forgotten(self, runs: Sequence[Run], finished: Mapping[Run, Path]) -> list[Run]:
        """Finished teachers of unfinished runs of whom only a summary is left."""
        again: list[Run] = []
        unfinished = [run for run in runs if run not in finished]
        for cell, seed in unfinished:
            teacher = None if cell.teacher is None else (self.study.cell(cell.teacher), seed)
            if teacher is None or teacher in again or teacher not in finished:
                continue
            if self.places.weights(teacher) is None:
                again.append(teacher)
                unfinished.append(teacher)
        return again

    def _refuse(self, wanted: Sequence[Run]) -> dict[Run, Ended]:
        """Runs of cells whose settings cannot be read.

        Raises:
            ValueError: If no cell is left.
        """
        from ..training import parse

        reasons: dict[str, str] = {}
        notes: dict[str, None] = {}
        first = {cell.name: (cell, seed) for cell, seed in reversed(wanted)}
        for name, run in reversed(first.items()):
            try:
                self.places.check_code(run)
                notes[parse(self.places.words(run, teacher="sha256:0")).note] = None
            except ValueError as error:
                reasons[name] = str(error)
        if reasons and len(reasons) == len(self.study.cells):
            raise ValueError(next(iter(reasons.values())))
        for note in filter(None, notes):
            self.say(note)
        return {
            run: Ended(0, None, reasons[run[0].name], 0.0, 2)
            for run in wanted
            if run[0].name in reasons
        }

    def _train(
        self, wave: Sequence[Run], ended: dict[Run, Ended], board: Board, seconds: float | None
    ) -> dict[Run, Ended]:
        """Train runs whose teachers have had their turn."""
        results: dict[Run, Ended] = {}
        for run in wave:
            cell, seed = run
            teacher = None if cell.teacher is None else (self.study.cell(cell.teacher), seed)
            if teacher in ended and ended[teacher].path is None:
                reason = f"its teacher {cell.teacher} seed {seed} is not finished"
                results[run] = ended[teacher]._replace(reason=reason, warnings=())
                board.end(run, results[run])
        ready = [run for run in wave if run not in results]

        def on_end(end: Ended) -> None:
            run = ready[end.number]
            results[run] = end
            if end.path is not None:
                self.places.keep(run)
            board.end(run, end)

        engine = self.engine or partial(jobs.run_all, processes=self.jobs)
        if ready:
            engine([self.places.words(run) for run in ready], on_end, seconds)
        return results

    def _outcome(
        self, runs: Sequence[Run], finished: dict[Run, Path], ended: dict[Run, Ended]
    ) -> Outcome:
        ends = {run: ended[run] for run in runs if run in ended}
        finished = finished | {run: end.path for run, end in ends.items() if end.path is not None}
        codes = {end.code for end in ends.values() if end.failed}
        return Outcome(
            [finished[run] for run in runs if run in finished],
            {
                f"{cell.name} seed {seed}": end.reason
                for (cell, seed), end in ends.items()
                if end.path is None
            },
            sum(end.failed and end.code != LOCKED for end in ends.values()),
            codes.pop() if len(codes) == 1 else FAULT if codes else 0,
        )
