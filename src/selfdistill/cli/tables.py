"""Commands that tell of finished runs: compare, report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .parser import SPLITS, parser_of

if TYPE_CHECKING:
    from ..studies import StudyRunner


def compare(words: list[str]) -> int:
    """Print a table of runs."""
    parser = parser_of("compare")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="directory or summary")
    parser.add_argument("--split", choices=SPLITS, help="default: test, if all have it")
    parser.add_argument("--format", choices=("table", "csv", "json", "markdown"), default="table")
    given = parser.parse_args(words)
    print_comparison(given.runs, split=given.split, form=given.format)
    return 0


def report(words: list[str]) -> int:
    """Write a page about runs."""
    parser = parser_of("report")
    parser.add_argument("runs", nargs="+", metavar="STUDY|RUN", help="a study's name, or runs")
    parser.add_argument("--to", type=Path, default=Path("report"), help="folder of the page")
    parser.add_argument("--title", help="heading of the page")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where the study's runs are")
    parser.add_argument("--results", type=Path, help="where its copied summaries are")
    given = parser.parse_args(words)
    from ..reports.page import write_report

    names: list[str] = given.runs
    papers: dict[Path, float] = {}
    if len(names) == 1 and not Path(names[0]).exists():
        from .. import studies

        grid = studies.load(names[0])
        runner = studies.StudyRunner(
            grid, out=given.out, results=given.results, jobs=1, further=(), say=print
        )
        runs, papers = runner.found(), _papers(runner)
    else:
        runs = [Path(name) for name in names]
    page = write_report(runs, given.to, title=given.title or " ".join(names), papers=papers)
    print(page)
    return 0


def _papers(runner: "StudyRunner") -> dict[Path, float]:
    """Published accuracies of a study's cells, by the paths of their finished runs."""
    study = runner.study
    return {
        path: study.papers[cell.name]
        for cell in study.cells
        if cell.name in study.papers
        for path in replace(runner, study=replace(study, cells=(cell,))).found()
    }


def print_comparison(runs: Sequence[Path], *, split: str | None, form: str) -> None:
    """Print what runs have in common and how they differ, in one of the forms."""
    from rich.console import Console

    from .. import reports

    comparison = reports.compare([reports.read(run) for run in runs], split)
    if form == "table":
        console = Console()
        console.print(reports.as_table(comparison, width=console.width))
        return
    render = {"csv": reports.as_csv, "json": reports.as_json, "markdown": reports.as_markdown}
    print(render[form](comparison))
