"""One number format for all runs of a study whose recipes leave it open."""

from collections.abc import Callable, Mapping
from typing import get_args

from ..config import Settings
from ..evaluation import Precision
from ..failures import Failure
from ..runs import RunDirectory, read_summary
from ..training import choose_number_format, identities, threads_used
from .layout import StudyLayout, StudyRun


def choose_formats(layout: StudyLayout, log: Callable[[str], None]) -> Mapping[str, str]:
    """The format of each cell that is open, by the cell's name: that of the runs there are.

    Where there are none, the first cell's network is measured for all: rows are to differ in what
    the study asks about, not in their rounding.
    """
    first: dict[str, StudyRun] = {}
    for run in layout.runs:
        first.setdefault(run.cell.name, run)
    open_cells: dict[str, Settings] = {}
    for name, run in first.items():
        try:
            settings = layout.settings(run)
        except ValueError:
            continue  # the cell is refused in its turn
        if len(identities(settings)) > 1:
            open_cells[name] = settings
    runs = [run for run in layout.runs if run.cell.name in open_cells]
    chosen = next(filter(None, map(_stored_format, runs)), None)
    untaught = [name for name in open_cells if first[name].teacher is None]
    if chosen is None and untaught:
        settings = open_cells[untaught[0]]
        try:
            with threads_used(settings.execution.threads or 1):
                chosen, reason = choose_number_format(settings, settings.ingredients.data.splits)
        except Failure:
            raise
        except Exception:
            return {}  # the user's own code may fail in any way: each run says what is wrong
        log(f"{layout.study.name}: all runs in {chosen} ({untaught[0]}: {reason})")
    return {} if chosen is None else dict.fromkeys(open_cells, chosen)


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
    return precision if precision in get_args(Precision) else None
