"""Where the runs of a study lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..config import refuse_own_code
from ..runs import RunDirectory, read_summary, recorded_code, replace_file, summary_file
from .grid import Cell, Study

UNTRAINED = "sha256:0"
"""Stands for the weights of a teacher that is not trained yet."""


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


@dataclass(frozen=True)
class StudyLayout:
    """The files of a study.

    Args:
        study: The grid.
        out: Where run directories go: ``out/STUDY/CELL/seedSEED``.
        results: Where summaries are copied to, ``results/STUDY/CELL-sSEED.json``; None for nowhere.
        further: Words of ``train`` for every run, such as where the data lie.
        formats: Number formats of cells that leave it open, by the cell's name.
    """

    study: Study
    out: Path
    results: Path | None
    further: Sequence[str]
    formats: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def runs(self) -> list[StudyRun]:
        """All runs, seed by seed, so that a cut-off study has every cell."""
        return [self.run(cell, seed) for cell, seed in self.study.runs()]

    def run(self, cell: Cell, seed: int) -> StudyRun:
        """The run of a cell and a seed."""
        results = None if self.results is None else self.results / self.study.name
        return StudyRun(
            cell,
            seed,
            directory=self.out / self.study.name / cell.slug / f"seed{seed}",
            copy=None if results is None else results / f"{cell.slug}-s{seed}.json",
            teacher=None if cell.teacher is None else self.run(self.study.cell(cell.teacher), seed),
        )

    def words(self, run: StudyRun, *, teacher: str | None = None) -> list[str]:
        """The run, as words of ``train``.

        Args:
            run: Which.
            teacher: Where the weights of its teacher lie, or their hash.
        """
        words = [*self._cell_words(run), *self.further, f"--out={run.directory}"]
        if run.cell.name in self.formats:
            words.append(f"--precision={self.formats[run.cell.name]}")
        if run.teacher is not None:
            words.append(f"--method.teacher={teacher or UNTRAINED}")
        return words

    def _cell_words(self, run: StudyRun) -> list[str]:
        """The words of a cell, without where its images lie if further words name others."""
        named = any(word.partition("=")[0] == "--data" for word in self.further)
        paths = ("--data.root", "--data.table", "--data.name")
        words = run.cell.words(run.seed)
        return [word for word in words if not (named and word.partition("=")[0] in paths)]

    def check_code(self, run: StudyRun) -> None:
        """Refuse a cell whose file of the user's own neither the study nor its run knows.

        Raises:
            ValueError: If there is such a file, and further words do not allow it.
        """
        if {"--allow-own-code", "--allow-own-code=true"} & set(self.further):
            return
        options = {k: v for k, v in run.cell.options.items() if k != "config"}
        recorded = dict(self.study.own_code)
        for path in run.summaries():
            recorded |= _recorded_code(path)
        refuse_own_code(options, recorded, f"the study {self.study.name}")


def _recorded_code(summary: Path) -> dict[str, str]:
    """Hashes of the user's own files that a run recorded; a damaged summary tells of none."""
    try:
        return recorded_code(read_summary(summary).values.get("environment"))
    except ValueError:
        return {}
