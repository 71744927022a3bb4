"""Where the runs of a study lie, and what each computes."""

import contextlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ..config import (
    Options,
    Recipe,
    Settings,
    full_name,
    read_execution,
    refuse_own_code,
    separate,
    spelled,
    train_command,
)
from ..runs import (
    SUMMARY,
    RunDirectory,
    read_summary,
    recorded_code,
    replace_file,
    summary_file,
)
from .grid import Cell, Study

PATHS = ("data.root", "data.table", "data.name")
"""Options that say where images lie."""


@dataclass(frozen=True)
class StudyRun:
    """One run of a study: a cell with a seed."""

    cell: Cell
    seed: int
    directory: Path
    """The run directory."""
    copy: Path | None
    """Where its summary is copied to."""
    teacher: "StudyRun | None"
    """The run that it learns from."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.cell.name} seed {self.seed}"

    @property
    def teacher_depth(self) -> int:
        """Length of its chain of teachers."""
        return 0 if self.teacher is None else 1 + self.teacher.teacher_depth

    def summaries(self) -> list[Path]:
        """The run directory and the copied summary, as far as there is a summary in them."""
        paths = [self.directory] if self.copy is None else [self.directory, self.copy]
        return [path for path in paths if summary_file(path).is_file()]

    def copy_summary(self) -> None:
        """Copy the summary from the run directory, unless the copy is the same."""
        summary = RunDirectory(self.directory).summary_file
        if self.copy is None or not summary.is_file():
            return
        content = summary.read_bytes()
        if not self.copy.is_file() or self.copy.read_bytes() != content:
            replace_file(self.copy, content)


class Job(NamedTuple):
    """A run to be trained, wherever."""

    settings: Settings
    command: str
    """The train command that does the same, for messages."""

    @property
    def directory(self) -> Path:
        """The run directory."""
        assert self.settings.execution.out is not None
        return self.settings.execution.out


def seconds_needed(directory: Path) -> float | None:
    """What a run takes by those finished: its cell's longest, or else the study's shortest."""
    cells: dict[Path, list[float]] = {}
    for file in directory.parent.parent.glob(f"*/seed*/{SUMMARY}"):
        with contextlib.suppress(ValueError):  # a damaged one is trained anew
            seconds = read_summary(file).section("cost").number("seconds")
            cells.setdefault(file.parent.parent, []).append(seconds)
    if directory.parent in cells:
        return max(cells[directory.parent])
    return min(itertools.chain(*cells.values()), default=None)


@dataclass(frozen=True)
class StudyLayout:
    """The runs of a study.

    Args:
        study: The grid.
        out: Where run directories go: ``out/STUDY/CELL/seedSEED``.
        results: Where summaries are copied to, ``results/STUDY/CELL-sSEED.json``; None for nowhere.
        options: Options of ``train`` for every run, such as where the data lie.
        formats: Number formats of cells that leave it open, by the cell's name.
    """

    study: Study
    out: Path
    results: Path | None
    options: Options = field(default_factory=Options)
    formats: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def runs(self) -> list[StudyRun]:
        """All runs, seed by seed, so that a cut-off study has every cell."""
        return [self._run(cell, seed) for cell, seed in self.study.runs()]

    def _run(self, cell: Cell, seed: int) -> StudyRun:
        name, teacher = self.study.name, self.study.cell(cell.teacher)
        copy = None if self.results is None else self.results / name / f"{cell.slug}-s{seed}.json"
        return StudyRun(
            cell,
            seed,
            directory=self.out / name / cell.slug / f"seed{seed}",
            copy=copy,
            teacher=None if teacher is None else self._run(teacher, seed),
        )

    def settings(self, run: StudyRun, *, teacher: str | None = None) -> Settings:
        """What a run computes, and where; a ValueError says why its cell cannot be read.

        Args:
            run: Which.
            teacher: Where the weights of its teacher lie, or their hash; the recipe is without
                them where they are not there yet.
        """
        of_cell = self._cells[run.cell.name]
        if isinstance(of_cell, ValueError):
            raise of_cell
        incomplete = run.teacher is not None and teacher is None
        return Settings(
            of_cell.recipe.override(self._changes(run, teacher), incomplete=incomplete),
            replace(of_cell.execution, out=run.directory),
        )

    def job(self, run: StudyRun, *, teacher: str | None) -> Job:
        """A run to be trained; as for :meth:`settings`."""
        changes = {**self._changes(run, teacher), "out": run.directory}
        options = [*cell_options(run.cell, self.options), *changes.items()]
        return Job(self.settings(run, teacher=teacher), train_command(options))

    def _changes(self, run: StudyRun, teacher: str | None) -> dict[str, object]:
        """What sets a run apart from its cell."""
        changes = {
            "seed": run.seed,
            "precision": self.formats.get(run.cell.name),
            "method.teacher": teacher,
        }
        return {option: value for option, value in changes.items() if value is not None}

    @cached_property
    def _cells(self) -> dict[str, Settings | ValueError]:
        """The settings of each cell, or why its options cannot be read; each is read once."""
        cells: dict[str, Settings | ValueError] = {}
        for cell in self.study.cells:
            try:
                self.check_code(cell)
                cells[cell.name] = read_cell(cell, self.options)
            except ValueError as error:
                cells[cell.name] = error
        return cells

    def check_code(self, cell: Cell) -> None:
        """Refuse a cell whose file of the user's own neither the study nor a run of it knows."""
        if read_execution(separate(self.options)[1]).allow_own_code:
            return
        recorded = dict(self.study.own_code)
        for run in self.runs:
            for path in run.summaries() if run.cell == cell else ():
                with contextlib.suppress(ValueError):  # a damaged summary tells of none
                    recorded |= recorded_code(read_summary(path).values.get("environment"))
        named = {full_name(option): value for option, value in cell.options.items()}
        refuse_own_code(named, recorded, f"the study {self.study.name}")


def read_cell(cell: Cell, options: Options) -> Settings:
    """The recipe of a cell, without seed and teacher, and where it is computed.

    Options of every cell count more than its own. A ValueError says in one line what is wrong.
    """
    chosen, where = separate(cell_options(cell, options))
    execution = read_execution(where)
    recipe = Recipe.from_options(
        chosen,
        incomplete=cell.teacher is not None,
        allow_own_code=execution.allow_own_code,
    )
    recipe.build_data()  # only the teacher may be missing
    return Settings(recipe, execution)


def cell_options(cell: Cell, options: Options) -> Options:
    """Options of a cell's runs; where its images lie is left out if others are named instead."""
    others = "data" in dict(options)
    own = [(k, v) for k, v in cell.options.items() if not (others and k in PATHS)]
    return [*spelled(own), *options]
