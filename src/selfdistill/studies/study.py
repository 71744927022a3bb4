"""Runs what a study still misses, and nothing else."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .grid import Cell, Study
from .jobs import Ended, run_all


class Outcome(NamedTuple):
    """What there is of a study."""

    summaries: list[Path]
    """Of every finished run, in the order of the grid."""
    missing: list[str]
    """Runs that are not finished, each with the reason."""


@dataclass(frozen=True)
class StudyRunner:
    """Trains the runs that have neither a finished directory nor a summary among the results.

    Args:
        study: The grid.
        out: Where run directories go: ``out/STUDY/CELL/seedSEED``.
        results: Where summaries are copied to, ``results/STUDY/CELL-sSEED.json``; None for nowhere.
        jobs: Runs at the same time.
        further: Words of ``train`` for every run, such as where the data lie.
        say: Shows a line.
    """

    study: Study
    out: Path
    results: Path | None
    jobs: int
    further: Sequence[str]
    say: Callable[[str], None]

    def run(self, seconds: float | None = None) -> Outcome:
        """Train what is missing, pupils after their teachers.

        Args:
            seconds: After so many, runs save and stop; None for no limit.
        """
        started = time.monotonic()
        runs = self.study.runs()
        waves = [
            [run for run in runs if run[0].teacher is None],
            [run for run in runs if run[0].teacher is not None],
        ]
        missing: list[str] = []
        for wave in waves:
            left = None if seconds is None else seconds - (time.monotonic() - started)
            missing += self._train(wave, left) if wave else []
        return Outcome(self.found(), missing)

    def found(self) -> list[Path]:
        """Run directories of what is finished, or the copied summary where they are gone."""
        paths = [self._summary(cell, seed) for cell, seed in self.study.runs()]
        return [
            path.parent if path.name == "summary.json" else path
            for path in paths
            if path is not None
        ]

    def _train(self, runs: Sequence[tuple[Cell, int]], seconds: float | None) -> list[str]:
        wanted = [run for run in runs if not self._is_done(*run)]
        done = len(runs) - len(wanted)
        self.say(f"{self.study.name}: {len(runs)} runs, {done} done, {len(wanted)} to train")

        def on_end(ended: Ended) -> None:
            cell, seed = wanted[ended.number]
            if ended.path is None:
                self.say(f"{cell.name} seed {seed}: {ended.reason}")
                return
            if self.results is not None:
                target = self._result(self.results, cell, seed)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ended.path / "summary.json", target)
            self.say(f"{cell.name} seed {seed}: {ended.path} ({ended.seconds:.0f} s)")

        words = [self._words(*run) for run in wanted]
        ended = run_all(words, processes=self.jobs, on_end=on_end, seconds=seconds)
        stopped = [(*wanted[end.number], end.reason) for end in ended if end.path is None]
        return [f"{cell.name} seed {seed}: {reason}" for cell, seed, reason in stopped]

    def _words(self, cell: Cell, seed: int) -> list[str]:
        words = [*cell.words(seed), *self.further, f"--out={self._directory(cell, seed)}"]
        if cell.teacher is not None:
            words.append(f"--method.teacher={self._weights(self.study.cell(cell.teacher), seed)}")
        return words

    def _weights(self, teacher: Cell, seed: int) -> str:
        """Where a teacher's weights lie, or only their hash where they are gone."""
        directory = self._directory(teacher, seed)
        summary = self._summary(teacher, seed)
        if (directory / "model").is_dir() or summary is None:
            return str(directory)
        return str(json.loads(summary.read_text()).get("weights", directory))

    def _is_done(self, cell: Cell, seed: int) -> bool:
        """Whether a summary tells of exactly this run, number format included."""
        found = self._summary(cell, seed)
        if found is None:
            return False
        from ..training import as_today, fingerprint, identity, parse

        stored = as_today(json.loads(found.read_text())["recipe"])
        return fingerprint(stored) == identity(parse(self._words(cell, seed)))

    def _summary(self, cell: Cell, seed: int) -> Path | None:
        places = [self._directory(cell, seed) / "summary.json"]
        if self.results is not None:
            places.append(self._result(self.results, cell, seed))
        return next((place for place in places if place.is_file()), None)

    def _directory(self, cell: Cell, seed: int) -> Path:
        return self.out / self.study.name / cell.slug / f"seed{seed}"

    def _result(self, results: Path, cell: Cell, seed: int) -> Path:
        return results / self.study.name / f"{cell.slug}-s{seed}.json"
