"""What there is of a study, for reports."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from .grid import above, load
from .places import Places, Run


class Found(NamedTuple):
    """A study's runs as reports read them."""

    runs: list[Path]
    """Of every run of the grid: its directory, there or not, or the copied summary."""
    papers: dict[Path, float]
    """Published accuracies of runs by the study's recipe, percent."""
    split: str | None
    """What the study compares."""
    strange: list[str]
    """Lines that name runs of another recipe than the study's."""


def found(name: str, *, out: Path | None, results: Path | None) -> Found:
    """Look for the runs of a study.

    Args:
        name: A shipped study's name, a study's file, or the folder of one made from words.
        out: Where run directories are; None for where ``study`` puts them.
        results: Where copied summaries are, if any.

    Raises:
        ValueError: If there is no such study.
    """
    study = load(name)
    places = Places(study, out or above(name) or Path("runs"), results, ())
    shown = {run: places.shown(run) for run in study.runs()}
    differences = {run: places.strange(run, path) for run, path in shown.items()}
    return Found(
        list(shown.values()),
        {
            path: study.papers[run[0].name]
            for run, path in shown.items()
            if run[0].name in study.papers and not differences[run]
        },
        study.split,
        _lines(differences),
    )


def _lines(differences: dict[Run, list[str]]) -> list[str]:
    """One line for all runs that differ in the same."""
    alike: dict[str, list[str]] = defaultdict(list)
    for (cell, seed), fields in differences.items():
        if fields:
            alike["; ".join(fields)].append(f"{cell.name} seed {seed}")
    return [
        f"of another recipe than the study's ({what}): {', '.join(runs)}"
        for what, runs in alike.items()
    ]
