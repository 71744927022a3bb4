"""Commands about finished runs: compare, report."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..consoles import console
from ..runs import SCORED_SPLITS, SUMMARY, runs_in
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
    """Write a page about a run, or about several."""
    parser = parser_of("report")
    parser.epilog = (
        "A single run gets a page about its classes, its mistakes and its probabilities; "
        "--data.root FOLDER says where its pictures lie now. Several runs, or a study, are "
        "compared."
    )
    add = parser.add_argument
    add("runs", nargs="+", metavar="STUDY|RUN", help="a study's name, file or folder; or runs")
    add("--to", type=Path, default=Path("report"), help="folder of the page")
    add("--title", help="heading of the page")
    add("--split", choices=SCORED_SPLITS, help="of a single run; default: validation, if any")
    add("--out", type=Path, help="where the study's runs are; default: as for study")
    add("--results", type=Path, help="where its copied summaries are")
    args, further = parser.parse_known_args(words)
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
        if len(runs) == 1 and (runs[0] / SUMMARY).is_file():
            page = _report_of_one(runs[0], args.to, args.title or names[0], args.split, further)
            if page is not None:
                print(page)
                return 0
        papers, split = dict[Path, float](), None
        title = names[0] if len(names) == 1 else f"{len(runs)} runs"
    if further or args.split:
        word = further[0] if further else "--split"
        raise ValueError(f"{word}: only a report of a single run takes it")
    title = args.title or title
    print(write_report(runs, args.to, title=title, papers=papers, split=split, log=print))
    return 0


def _report_of_one(
    run: Path, out: Path, title: str, split: str | None, further: list[str]
) -> Path | None:
    """The page about one run; None if its images are not to be had, and none were asked for."""
    from ..config import read_changes
    from ..inspection import examine
    from ..reports.run_page import write_run_report

    changes, execution = read_changes(further)
    try:
        examined = examine(run, split=split, changes=changes, execution=execution)
    except ValueError as error:
        if split or further:
            raise
        print(f"only what its summary tells, as its images cannot be looked at: {error}")
        return None
    return write_run_report(examined, out, title=title)


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
