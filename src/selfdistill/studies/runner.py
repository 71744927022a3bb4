"""Runs what a study still misses, and nothing else."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from . import local_jobs
from .board import Board
from .finished import Finished, find_finished, teacher_weights, weights_directory
from .formats import choose_formats
from .layout import Job, StudyLayout, StudyRun
from .result import FAULT, LOCKED, RunResult

RESERVE_SECONDS = 10.0
"""What is kept of a budget for the last step, the last checkpoint and the comparison."""
RESERVE_SHARE = 0.2


Backend = Callable[[Sequence[Job], Callable[[RunResult], None], float | None], list[RunResult]]
"""Trains runs somewhere, as :func:`.local_jobs.run_all` does here."""


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
        layout: The study's runs, and where they lie.
        jobs: Runs at the same time, where no backend is given.
        log: Shows a line.
        backend: Where runs are trained; None for processes of this machine.
        console: A terminal that shows the grid as it fills; None for lines alone.
    """

    layout: StudyLayout
    jobs: int
    log: Callable[[str], None]
    backend: Backend | None = None
    console: Console | None = None

    def run(self, seconds: float | None = None) -> Outcome:
        """Train what is missing, students after their teachers.

        Args:
            seconds: Before so many have passed, runs save and stop; None for no limit.

        Raises:
            ValueError: If no cell's settings can be read.
            Stopped: If a signal came; what was trained is saved.
        """
        started = time.monotonic()
        if self.backend is None:
            formats = choose_formats(self.layout, self.log)
            layout = replace(self.layout, formats=formats)
            return replace(self, layout=layout)._run(started, seconds)
        return self._run(started, seconds)

    def _run(self, started: float, seconds: float | None) -> Outcome:
        if seconds is not None:
            seconds -= min(RESERVE_SECONDS, RESERVE_SHARE * seconds)
        study, runs = self.layout.study, self.layout.runs
        finished = find_finished(self.layout)
        again = _teachers_to_retrain(runs, finished)
        finished = {run: path for run, path in finished.items() if run not in again}
        for run, path in finished.items():
            if path == run.directory:
                run.copy_summary()
        missing = [run for run in runs if run not in finished]
        results = self._refuse(missing)
        board = Board(self.layout, finished, self.console, self.log)
        with board:
            board.log(
                f"{study.name}: {len(runs)} runs, {len(finished)} done, {len(missing)} to train"
            )
            for run in again:
                board.log(f"{run.name}: again, its weights are gone and to teach")
            for run, result in results.items():
                board.end(run, result)
            for depth in sorted({run.teacher_depth for run in missing}):
                wave = [r for r in missing if r.teacher_depth == depth and r not in results]
                left = None if seconds is None else seconds - (time.monotonic() - started)
                self._train(wave, finished, results, board, left)
        return _outcome(runs, finished, results)

    def _refuse(self, missing: Sequence[StudyRun]) -> dict[StudyRun, RunResult]:
        """Runs of cells whose options cannot be read.

        Raises:
            ValueError: If no cell is left.
        """
        reasons: dict[str, str] = {}
        notes: dict[str, None] = {}
        first = {run.cell.name: run for run in reversed(missing)}
        for name, run in reversed(first.items()):
            try:
                notes[self.layout.settings(run).recipe.note] = None
            except ValueError as error:
                reasons[name] = str(error)
        if reasons and len(reasons) == len(self.layout.study.cells):
            raise ValueError(next(iter(reasons.values())))
        for note in filter(None, notes):
            self.log(note)
        return {
            run: RunResult(0, None, reasons[run.cell.name], 0.0, 2)
            for run in missing
            if run.cell.name in reasons
        }

    def _train(
        self,
        wave: Sequence[StudyRun],
        finished: Finished,
        results: dict[StudyRun, RunResult],
        board: Board,
        seconds: float | None,
    ) -> None:
        """Train runs whose teachers have had their turn, and add how they ended to the results."""
        ready: list[StudyRun] = []
        jobs: list[Job] = []
        for run in wave:
            teacher = None if run.teacher is None else results.get(run.teacher)
            if run.teacher is not None and teacher is not None and teacher.path is None:
                reason = f"its teacher {run.teacher.name} is not finished"
                results[run] = teacher._replace(reason=reason, warnings=())
            else:
                try:
                    jobs.append(self.layout.job(run, teacher=teacher_weights(run, finished)))
                    ready.append(run)
                except ValueError as error:  # its teacher's weights were damaged meanwhile
                    results[run] = RunResult(0, None, str(error), 0.0, 2)
            if run in results:
                board.end(run, results[run])

        def on_end(result: RunResult) -> None:
            run = ready[result.number]
            results[run] = result
            if result.path is not None:
                run.copy_summary()
            board.end(run, result)

        backend = self.backend or partial(local_jobs.run_all, processes=self.jobs)
        if ready:
            backend(jobs, on_end, seconds)


def _teachers_to_retrain(runs: Sequence[StudyRun], finished: Finished) -> list[StudyRun]:
    """Finished teachers of unfinished runs whose weights are gone: only a summary is left."""
    again: list[StudyRun] = []
    unfinished = [run for run in runs if run not in finished]
    for run in unfinished:
        teacher = run.teacher
        if teacher is None or teacher in again or teacher not in finished:
            continue
        if weights_directory(teacher, finished[teacher]) is None:
            again.append(teacher)
            unfinished.append(teacher)
    return again


def _outcome(
    runs: Sequence[StudyRun], finished: Finished, results: Mapping[StudyRun, RunResult]
) -> Outcome:
    ends = {run: results[run] for run in runs if run in results}
    paths = {**finished, **{run: end.path for run, end in ends.items() if end.path is not None}}
    codes = {end.code for end in ends.values() if end.failed}
    return Outcome(
        [paths[run] for run in runs if run in paths],
        {run.name: end.reason for run, end in ends.items() if end.path is None},
        sum(end.failed and end.code != LOCKED for end in ends.values()),
        codes.pop() if len(codes) == 1 else FAULT if codes else 0,
    )
