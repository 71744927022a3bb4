"""Commands that tell of finished runs: compare, report."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..consoles import console
from ..runs import SCORED_SPLITS, runs_in
from .parser import parser_of

if TYPE_CHECKING:
    from ..reports import Comparison


def compare(words: list[str]) -> int:
    """Print a table of runs."""
    parser = parser_of("compare")
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="directory, summary, or a folder of them")
    add("--split", choices=SCORED_SPLITS, help="default: test, if all have it")
    add("--format", choices=("table", "csv", "json", "markdown"), default="table")
    given = parser.parse_args(words)
    from .. import reports

    runs = [reports.read(path) for path in runs_in(given.runs)]
    print_comparison(reports.compare(runs, given.split), given.format)
    return 0


def report(words: list[str]) -> int:
    """Write a page about runs."""
    parser = parser_of("report")
    add = parser.add_argument
    add("runs", nargs="+", metavar="STUDY|RUN", help="a study's name, file or folder; or runs")
    add("--to", type=Path, default=Path("report"), help="folder of the page")
    add("--title", help="heading of the page")
    add("--out", type=Path, help="where the study's runs are; default: as for study")
    add("--results", type=Path, help="where its copied summaries are")
    given = parser.parse_args(words)
    from ..reports.page import write_report

    names: list[str] = given.runs
    from .. import studies

    if len(names) == 1 and studies.is_study(names[0]):
        found = studies.runs_for_report(names[0], out=given.out, results=given.results)
        for line in found.mismatches:
            print(line)
        runs, papers, split = found.runs, found.papers, found.split
        title = Path(names[0]).stem
    else:
        runs = runs_in([Path(name) for name in names], unfinished=True)
        papers, split = dict[Path, float](), None
        title = names[0] if len(names) == 1 else f"{len(runs)} runs"
    title = given.title or title
    page = write_report(runs, given.to, title=title, papers=papers, split=split, log=print)
    print(page)
    return 0


def print_comparison(comparison: "Comparison", form: str = "table") -> None:
    """Print what runs have in common and how they differ, in one of the forms."""
    from .. import reports

    if form == "table":
        terminal = console()
        terminal.print(reports.as_table(comparison, width=terminal.width))
        return
    render = {"csv": reports.as_csv, "json": reports.as_json, "markdown": reports.as_markdown}
    print(render[form](comparison))
