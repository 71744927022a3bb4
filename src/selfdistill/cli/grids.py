"""Commands about many runs: study, quickstart."""

from pathlib import Path
from typing import TYPE_CHECKING

from .parser import parser_of, seconds
from .tables import print_comparison

if TYPE_CHECKING:
    from ..studies import Outcome


def quickstart(words: list[str]) -> int:
    """Compare two methods on digits."""
    parser = parser_of("quickstart")
    parser.add_argument("--out", type=Path, default=Path("runs/quickstart"), help="run directories")
    folder: Path = parser.parse_args(words).out
    from .. import studies

    return _show_outcome(studies.quickstart(folder), split=None, folder=folder)


def study(words: list[str]) -> int:
    """Train what a grid misses, and compare."""
    parser = parser_of("study")
    parser.add_argument("name", help="a shipped study, or a file")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="run directories")
    parser.add_argument("--results", type=Path, help="copy finished summaries here")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--budget", type=seconds, metavar="TIME", help="stop after 90s, 9m, 2h")
    given, further = parser.parse_known_args(words)
    from .. import studies

    grid = studies.load(given.name)
    outcome = studies.StudyRunner(
        grid,
        out=given.out,
        results=given.results,
        jobs=given.jobs,
        further=further,
        say=lambda line: print(line, flush=True),
    ).run(given.budget)
    return _show_outcome(outcome, split=grid.split, folder=given.out / grid.name)


def _show_outcome(outcome: "Outcome", *, split: str | None, folder: Path) -> int:
    """Print what a study found, and what it still misses."""
    if outcome.summaries:
        print_comparison(outcome.summaries, split=split, form="table")
    print(f"The runs are in {folder}.")
    for line in outcome.missing:
        print(f"not finished: {line}")
    return 0
