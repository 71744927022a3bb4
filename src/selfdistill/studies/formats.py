"""One number format for all runs of a study whose recipes leave it open."""

from collections.abc import Callable, Mapping

from ..config import Settings
from ..failures import Failure
from ..runs import RunDirectory, read_summary
from ..training import identities, number_format, threads_used
from .layout import Job, StudyLayout, StudyRun


def choose_formats(layout: StudyLayout, log: Callable[[str], None]) -> Mapping[str, str]:
    """The format of each cell that is open, by the cell's name: that of the runs there are.

    Where there are none, the first cell's network is measured for all: rows are to differ in what
    the study asks about, not in their rounding.
    """
    first: dict[str, StudyRun] = {}
    for run in layout.runs:
        first.setdefault(run.cell.name, run)
    jobs: dict[str, Job] = {}
    for name, run in first.items():
        try:
            job = layout.job(run)
        except ValueError:
            continue  # the cell is refused in its turn
        if len(identities(Settings(job.recipe, job.execution))) > 1:
            jobs[name] = job
    runs = [run for run in layout.runs if run.cell.name in jobs]
    begun = next(filter(None, map(_stored_format, runs)), None)
    untaught = [name for name in jobs if first[name].teacher is None]
    if begun is None and untaught:
        recipe, execution, _ = jobs[untaught[0]]
        try:
            with threads_used(execution.threads or 1):
                begun, reason = number_format(
                    Settings(recipe, execution), recipe.build_data().splits
                )
        except Failure:
            raise
        except Exception:
            return {}  # the user's own code may fail in any way: each run says what is wrong
        log(f"{layout.study.name}: all runs in {begun} ({untaught[0]}: {reason})")
    return {} if begun is None else dict.fromkeys(jobs, begun)


def _stored_format(run: StudyRun) -> str | None:
    """The format of a run that is finished or under way."""
    for path in run.summaries():
        try:
            return _format(read_summary(path).values.get("recipe"))
        except ValueError:
            continue  # what is damaged is trained anew
    return _format(RunDirectory(run.directory).read_recipe())


def _format(recipe: object) -> str | None:
    precision = recipe.get("precision") if isinstance(recipe, Mapping) else None
    return precision if precision in ("bf16", "fp32") else None
