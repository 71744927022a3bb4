"""Runs what a study still misses, and nothing else."""

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
from .result import FAULT, LOCKED, Budget, RunResult

Backend = Callable[[Sequence[Job], Callable[[RunResult], None], Budget | None], None]
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
            seconds: Before so many have passed, runs save and stop; None for no limit. A run that
                would not end by then is not begun, as far as finished ones tell.

        Raises:
            ValueError: If no cell's settings can be read.
            Stopped: If a signal came; what was trained is saved.
        """
        budget = None if seconds is None else Budget.from_now(seconds)
        layout = self.layout
        if self.backend is None:
            layout = replace(layout, formats=choose_formats(layout, self.log))
        runs, finished = layout.runs, find_finished(layout)
        again = _teachers_to_retrain(runs, finished)
        finished = {run: path for run, path in finished.items() if run not in again}
        for run, path in finished.items():
            if path == run.directory:
                run.copy_summary()
        missing = [run for run in runs if run not in finished]
        results = _refuse(layout, missing, self.log)
        with Board(layout, finished, self.console, self.log) as board:
            board.log(
                f"{layout.study.name}: {len(runs)} runs, {len(finished)} done, "
                f"{len(missing)} to train"
            )
            for run in again:
                board.log(f"{run.name}: again, its weights are gone and to teach")
            for run, result in results.items():
                board.end(run, result)
            for depth in sorted({run.teacher_depth for run in missing}):
                wave = [r for r in missing if r.teacher_depth == depth and r not in results]
                self._train(layout, wave, finished, results, board, budget)
        return _outcome(runs, finished, results)

    def _train(
        self,
        layout: StudyLayout,
        wave: Sequence[StudyRun],
        finished: Finished,
        results: dict[StudyRun, RunResult],
        board: Board,
        budget: Budget | None,
    ) -> None:
        """Train runs whose teachers have had their turn, and add how they ended to the results."""

        def end(run: StudyRun, result: RunResult) -> None:
            results[run] = result
            if result.path is not None:
                run.copy_summary()
            board.end(run, result)

        jobs: dict[StudyRun, Job] = {}
        for run in wave:
            teacher = None if run.teacher is None else results.get(run.teacher)
            if run.teacher is not None and teacher is not None and teacher.path is None:
                reason = f"its teacher {run.teacher.name} is not finished"
                end(run, teacher._replace(reason=reason, warnings=()))
                continue
            try:
                jobs[run] = layout.job(run, teacher=teacher_weights(run, finished))
            except ValueError as error:  # its teacher's weights were damaged meanwhile
                end(run, RunResult(0, None, str(error), 0.0, 2))
        if jobs:
            ready = list(jobs)
            backend = self.backend or partial(local_jobs.run_all, processes=self.jobs)
            backend(list(jobs.values()), lambda result: end(ready[result.number], result), budget)


def _refuse(
    layout: StudyLayout, missing: Sequence[StudyRun], log: Callable[[str], None]
) -> dict[StudyRun, RunResult]:
    """Runs of cells whose options cannot be read; raises where no cell is left."""
    reasons: dict[str, str] = {}
    notes: dict[str, None] = {}
    first = {run.cell.name: run for run in reversed(missing)}
    for name, run in reversed(first.items()):
        try:
            notes[layout.settings(run).recipe.note] = None
        except ValueError as error:
            reasons[name] = str(error)
    if reasons and len(reasons) == len(layout.study.cells):
        raise ValueError(next(iter(reasons.values())))
    for note in filter(None, notes):
        log(note)
    return {
        run: RunResult(0, None, reasons[run.cell.name], 0.0, 2)
        for run in missing
        if run.cell.name in reasons
    }


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
