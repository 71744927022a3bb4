"""Which runs of a study are finished by exactly its recipe."""

from collections.abc import Mapping
from pathlib import Path

from ..config.provenance import weights_hash
from ..config.settings import Settings, as_today, fingerprint, parse
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
    by_depth = sorted(layout.runs, key=lambda run: layout.study.teacher_depth(run.cell))
    for run in by_depth:
        if (path := _finished(layout, run, finished)) is not None:
            finished[run] = path
    return {run: finished[run] for run in layout.runs if run in finished}


def _finished(layout: StudyLayout, run: StudyRun, finished: Finished) -> Path | None:
    hashes = {path: _stored_hash(path) for path in run.summaries()}
    if not any(hashes.values()) or (run.teacher is not None and run.teacher not in finished):
        return None
    try:
        layout.check_code(run)
    except ValueError:
        return None
    settings = parse(layout.words(run, teacher=teacher_weights(run, finished)))
    known = identities(settings)
    path = next((path for path, stored in hashes.items() if stored in known), None)
    if path is None or (settings.place.test and "test" not in read_summary(path)):
        return None
    if path == run.directory and _has_moved(run.directory, settings):
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


def _stored_hash(summary: Path) -> str | None:
    """The recipe hash that today's version gives a summary's recipe; None if there is none."""
    try:
        return fingerprint(stored_recipe(summary))
    except (ValueError, KeyError, TypeError):
        return None


def stored_recipe(summary: Path) -> dict[str, object]:
    """A summary's recipe as today's version writes it."""
    content = read_summary(summary)
    code = recorded_code(content.values.get("environment"))
    return as_today(content.section("recipe").values, own_code=code, where=summary)


def _stored_weights(summary: Path) -> str | None:
    content = read_summary(summary)
    return content.text("weights") if "weights" in content else None


def _has_moved(directory: Path, settings: Settings) -> bool:
    """Whether a run's images lay elsewhere: training then looks whether they are the same."""
    stored = RunDirectory(directory).read_whereabouts()
    return any(
        name in stored and Path(stored[name]).resolve() != Path(path).resolve()
        for name, path in settings.whereabouts.items()
        if name in ("data.root", "data.table")
    )
