"""The runs of a study as reports read them."""

from pathlib import Path
from typing import NamedTuple

from ..runs import recipe_differences
from .finished import Finished, find_finished, stored_recipe, teacher_weights
from .layout import StudyLayout, StudyRun
from .study_files import default_out, load


class ReportRuns(NamedTuple):
    """A study's runs as reports read them."""

    runs: list[Path]
    """Of every run of the grid: its directory, there or not, or the copied summary."""
    papers: dict[Path, float]
    """Published accuracies of runs by the study's recipe, percent."""
    split: str | None
    """What the study compares."""
    mismatches: list[str]
    """Lines that name runs of another recipe than the study's."""


def runs_for_report(name: str, *, out: Path | None, results: Path | None) -> ReportRuns:
    """Look for the runs of a study.

    Args:
        name: A shipped study's name, a study's file, or the folder of one made from options.
        out: Where run directories are; None for where ``study`` puts them.
        results: Where copied summaries are, if any.
    """
    study = load(name)
    layout = StudyLayout(study, out or default_out(name), results)
    finished = find_finished(layout)
    paths = {
        run: finished.get(run) or next(iter(run.summaries()), run.directory) for run in layout.runs
    }
    papers: dict[Path, float] = {}
    mismatches: dict[str, list[str]] = {}
    for run, path in paths.items():
        differences = [] if run in finished else _recipe_mismatch(layout, run, path, finished)
        if differences:
            mismatches.setdefault("; ".join(differences), []).append(run.name)
        elif run.cell.name in study.papers:
            papers[path] = study.papers[run.cell.name]
    lines = [
        f"of another recipe than the study's ({what}): {', '.join(runs)}"
        for what, runs in mismatches.items()
    ]
    return ReportRuns(list(paths.values()), papers, study.split, lines)


def _recipe_mismatch(
    layout: StudyLayout, run: StudyRun, path: Path, finished: Finished
) -> list[str]:
    """What sets the recipe that is stored at a path apart from the study's."""
    try:
        layout.check_code(run.cell)
        stored = stored_recipe(path).values
    except (OSError, ValueError, KeyError, TypeError):
        return []  # the report names what is no run
    expected = layout.settings(run, teacher=teacher_weights(run, finished)).recipe.values
    of_the_machine = {part: stored[part] for part in ("precision", "compile") if part in stored}
    return recipe_differences(stored, {**expected, **of_the_machine})
