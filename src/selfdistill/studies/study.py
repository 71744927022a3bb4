"""Runs what a study still misses, and nothing else."""

import json
import shutil
from collections.abc import Callable, Sequence
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


def run_study(
    study: Study,
    *,
    out: Path,
    results: Path | None,
    jobs: int,
    seconds: float | None,
    further: Sequence[str],
    say: Callable[[str], None],
) -> Outcome:
    """Train the runs that have neither a finished directory nor a summary among the results.

    Args:
        study: The grid.
        out: Where run directories go: ``out/STUDY/CELL/seedSEED``.
        results: Where summaries are copied to, ``results/STUDY/CELL-sSEED.json``; None for nowhere.
        jobs: Runs at the same time.
        seconds: After so many, runs save and stop; None for no limit.
        further: Words of ``train`` for every run, such as where the data lie.
        say: Shows a line.
    """
    runs = study.runs()
    wanted: list[tuple[Cell, int, list[str]]] = []
    for cell, seed in runs:
        words = [*cell.words(seed), *further, f"--out={_directory(out, study, cell, seed)}"]
        if not _is_done(_places(study, cell, seed, out, results), words):
            wanted.append((cell, seed, words))
    say(f"{study.name}: {len(runs)} runs, {len(runs) - len(wanted)} done, {len(wanted)} to train")

    def on_end(ended: Ended) -> None:
        cell, seed, _ = wanted[ended.number]
        if ended.path is None:
            say(f"{cell.name} seed {seed}: {ended.reason}")
            return
        if results is not None:
            target = _result(results, study, cell, seed)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ended.path / "summary.json", target)
        say(f"{cell.name} seed {seed}: {ended.path} ({ended.seconds:.0f} s)")

    ended = run_all(
        [words for _, _, words in wanted], processes=jobs, on_end=on_end, seconds=seconds
    )
    found = [_found(_places(study, cell, seed, out, results)) for cell, seed in runs]
    stopped = [(*wanted[end.number][:2], end.reason) for end in ended if end.path is None]
    return Outcome(
        [path for path in found if path is not None],
        [f"{cell.name} seed {seed}: {reason}" for cell, seed, reason in stopped],
    )


def _is_done(places: Sequence[Path], words: list[str]) -> bool:
    """Whether a summary tells of exactly this run, number format included."""
    found = _found(places)
    if found is None:
        return False
    from ..training import as_today, fingerprint, identity, parse

    stored = as_today(json.loads(found.read_text())["recipe"])
    return fingerprint(stored) == identity(parse(words))


def _found(places: Sequence[Path]) -> Path | None:
    return next((place for place in places if place.is_file()), None)


def _places(
    study: Study, cell: Cell, seed: int, out: Path, results: Path | None
) -> tuple[Path, ...]:
    """Where a run's summary may be."""
    directory = _directory(out, study, cell, seed) / "summary.json"
    return (directory, *(() if results is None else (_result(results, study, cell, seed),)))


def _directory(out: Path, study: Study, cell: Cell, seed: int) -> Path:
    return out / study.name / cell.slug / f"seed{seed}"


def _result(results: Path, study: Study, cell: Cell, seed: int) -> Path:
    return results / study.name / f"{cell.slug}-s{seed}.json"
