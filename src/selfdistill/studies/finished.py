"""Which runs of a study are finished by exactly its recipe."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..config import Recipe, weights_hash
from ..runs import RunDirectory, read_summary, recorded_code
from ..training import identities
from .layout import StudyLayout, StudyRun

Finished = Mapping[StudyRun, Path]
"""Finished runs, each with what reports read of it: its directory, or the copied summary."""


def find_finished(layout: StudyLayout) -> dict[StudyRun, Path]:
    """The runs that are finished by exactly the study's recipe, number format included.

    A summary tells, the run's own or its copy. Where there is a teacher it must be finished too,
    by the weights that the student learned from.
    """
    finished: dict[StudyRun, Path] = {}
    for run in sorted(layout.runs, key=lambda run: run.teacher_depth):
        if (path := _finished(layout, run, finished)) is not None:
            finished[run] = path
    return {run: finished[run] for run in layout.runs if run in finished}


def _finished(layout: StudyLayout, run: StudyRun, finished: Finished) -> Path | None:
    paths = run.summaries()
    if not paths or (run.teacher is not None and run.teacher not in finished):
        return None
    try:
        settings = layout.settings(run, teacher=teacher_weights(run, finished))
    except ValueError:
        return None  # the cell is refused in its turn
    hashes = identities(settings)
    form = settings.recipe.values["format"]
    path = next((path for path in paths if _is_of_recipe(path, hashes, form)), None)
    if path is None or (settings.execution.test and "test" not in read_summary(path)):
        return None
    if path == run.directory and _has_moved(run.directory, settings.recipe):
        return None
    return path


def weights_directory(run: StudyRun, path: Path) -> Path | None:
    """The directory where a finished run's weights still lie, if any."""
    try:
        weights = weights_hash(run.directory)
    except ValueError:
        return None
    stored = _stored_weights(path)
    same = weights == stored or (path, stored) == (run.directory, None)
    return run.directory if same else None


def teacher_weights(run: StudyRun, finished: Finished) -> str | None:
    """Where the weights of a run's teacher lie or will, or only their hash where they are gone."""
    if run.teacher is None:
        return None
    directory, path = run.teacher.directory, finished.get(run.teacher)
    if path in (None, directory) or weights_directory(run.teacher, path) is not None:
        return str(directory)
    return _stored_weights(path) or str(directory)


def stored_recipe(path: Path) -> Recipe:
    """A summary's recipe as today's version writes it."""
    summary = read_summary(path)
    code = recorded_code(summary.values.get("environment"))
    recipe = summary.section("recipe").values
    return Recipe.from_dict(recipe, own_code=code, where=path)


def _is_of_recipe(path: Path, hashes: Sequence[str], form: object) -> bool:
    """Whether a summary's recipe has one of the hashes, in today's form."""
    try:
        stored = read_summary(path).section("recipe").values
        if Recipe({**stored, "format": form}).hash() in hashes:
            return True  # as most are: only what is older has to be brought up to date
        return stored_recipe(path).hash() in hashes
    except (ValueError, KeyError, TypeError):
        return False


def _stored_weights(summary: Path) -> str | None:
    content = read_summary(summary)
    return content.text("weights") if "weights" in content else None


def _has_moved(directory: Path, recipe: Recipe) -> bool:
    """Whether a run's images lay elsewhere: training then looks whether they are the same."""
    stored = RunDirectory(directory).read_paths()
    return any(
        name in stored and Path(stored[name]).resolve() != Path(path).resolve()
        for name, path in recipe.paths.items()
        if name in ("data.root", "data.table")
    )
