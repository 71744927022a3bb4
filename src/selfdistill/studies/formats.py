"""One number format for all runs of a study whose recipes leave it open."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..failures import Failure
from ..runs import RunDirectory, read_summary
from .places import Places, Run


def choose_formats(places: Places, say: Callable[[str], None]) -> Mapping[str, str]:
    """The format of each cell that is open, by the cell's name: that of the runs there are.

    Where there are none, the first cell's network is measured for all: rows are to differ in what
    the study asks about, not in their rounding.
    """
    from ..training import identities, number_format, parse
    from ..training.engine import threads_used

    first: dict[str, Run] = {}
    for run in places.study.runs():
        first.setdefault(run[0].name, run)
    settings = {}
    for name, run in first.items():
        try:
            places.check_code(run)
            found = parse(places.words(run, teacher="sha256:0"))
        except ValueError:
            continue  # the cell is refused in its turn
        if len(identities(found)) > 1:
            settings[name] = found
    runs = [run for run in places.study.runs() if run[0].name in settings]
    begun = next(filter(None, (_begun(places, run) for run in runs)), None)
    untaught = [name for name in settings if first[name][0].teacher is None]
    if begun is None and untaught:
        chosen = settings[untaught[0]]
        try:
            with threads_used(chosen.place.threads or 1):
                begun, reason = number_format(chosen, chosen.recipe.data.splits)
        except Failure:
            raise
        except Exception:
            return {}  # code of anybody's own may fail in any way: each run says what is wrong
        say(f"{places.study.name}: all runs in {begun} ({untaught[0]}: {reason})")
    return {} if begun is None else dict.fromkeys(settings, begun)


def _begun(places: Places, run: Run) -> str | None:
    """The format of a run that is finished or under way."""
    for summary in places.summaries(run):
        try:
            return _format(read_summary(summary).values.get("recipe"))
        except ValueError:
            continue  # what is damaged is trained anew
    directory: Path = places.directory(run)
    return _format(RunDirectory(directory).read_recipe())


def _format(recipe: object) -> str | None:
    found = recipe.get("precision") if isinstance(recipe, Mapping) else None
    return found if found in ("bf16", "fp32") else None
