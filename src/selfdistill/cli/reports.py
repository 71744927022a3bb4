"""Commands about finished runs: compare, report."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..consoles import console
from ..runs import SCORED_SPLITS, runs_in
from .parser import parser_of

if TYPE_CHECKING:
    from ..reports import Comparison

UNFITTED = 10_000
"""Characters of a line that fits everything."""


def compare(words: list[str]) -> int:
    """Print a table of runs."""
    parser = parser_of("compare")
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="directory, summary, or a folder of them")
    add("--split", choices=SCORED_SPLITS, help="default: test, if all have it")
    add("--format", choices=("table", "csv", "json", "markdown"), default="table")
    args = parser.parse_args(words)
    from .. import reports

    runs = [reports.read(path) for path in runs_in(args.runs)]
    print_comparison(reports.compare(runs, args.split), args.format)
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
    args = parser.parse_args(words)
    from .. import studies
    from ..reports.page import write_report

    names: list[str] = args.runs
    if len(names) == 1 and studies.is_study(names[0]):
        study = studies.runs_for_report(names[0], out=args.out, results=args.results)
        for line in study.mismatches:
            print(line)
        runs, papers, split = study.runs, study.papers, study.split
        title = Path(names[0]).stem
    else:
        runs = runs_in([Path(name) for name in names], unfinished=True)
        papers, split = dict[Path, float](), None
        title = names[0] if len(names) == 1 else f"{len(runs)} runs"
    title = args.title or title
    print(write_report(runs, args.to, title=title, papers=papers, split=split, log=print))
    return 0


def print_comparison(comparison: "Comparison", form: str = "table") -> None:
    """Print what runs have in common and how they differ, in one of the forms."""
    from .. import reports

    if form == "table":
        terminal = console()
        if not terminal.is_terminal and "COLUMNS" not in os.environ:
            terminal = console(width=UNFITTED)  # a file or pipe is as wide as its longest line
        terminal.print(reports.as_table(comparison, width=terminal.width))
        return
    render = {"csv": reports.as_csv, "json": reports.as_json, "markdown": reports.as_markdown}
    print(render[form](comparison))
