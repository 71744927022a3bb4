"""A report: one self-contained page, its tables, and its figures as files."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import jinja2

from ..runs import replace_file
from ..terminal import shown
from .comparison import NO_PAPERS, PREFERRED_SPLITS, Comparison, compare
from .read_run import logged_epochs, read
from .run import StoredRun
from .sections import (
    Section,
    attention,
    classes,
    cost,
    learning,
    reliability,
    results,
    style,
)
from .table import as_json, as_latex, as_markdown, results_table
from .text import headline, notes

T = TypeVar("T")
SECTIONS: tuple[Callable[[Comparison], Section | None], ...] = (
    results.section,
    learning.section,
    reliability.calibration_section,
    classes.section,
    cost.exits_section,
    attention.section,
    reliability.robustness_section,
    cost.section,
)
"""In the order of the page; each gives None where the runs hold nothing for it."""
PAGE = "index.html"
FIGURES = "figures"
MARK = b"default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""By this policy a report's page is known."""
MAX_LINES = 5
"""Runs that are left out, as lines beside the page."""


@dataclass(frozen=True)
class LeftOut:
    """A run that the report could not use."""

    name: str
    reason: str


def write_report(
    paths: Sequence[Path],
    out: Path,
    *,
    title: str,
    papers: Mapping[Path, float] = NO_PAPERS,
    split: str | None = None,
    log: Callable[[str], None] | None = None,
) -> Path:
    """Write a report of finished runs into a folder.

    The folder gets ``index.html`` (self-contained: figures inline, no network), ``table.md``,
    ``table.tex``, ``table.json`` and ``figures/*.svg|png``. Runs that cannot be used, as they are
    missing or unfinished, failed, or lack scores on the split, are listed with the reason.

    Args:
        paths: Run directories or copies of their summaries.
        out: Folder of the report; made if it is missing.
        title: Heading of the page.
        papers: Published accuracies in percent, each by the path of any of the row's runs.
        split: The split of all scores, ``test`` or ``validation``; by default the one that most
            runs have.
        log: Takes a line for each thing that the page leaves out.

    Returns:
        The page's path.

    Raises:
        ValueError: If no run can be used, one is given twice, ``out`` is not a folder, or holds
            files of others that would be replaced.
        StorageFailure: If the disk refuses.
    """
    check_folder(out)
    folder = os.path.commonpath([path.absolute().parent for path in paths]) if paths else "."
    names = {path: path.absolute().relative_to(folder).as_posix() for path in paths}
    runs, left_out, split = _read(paths, names, split)
    lines = [f"left out: {run.name}: {run.reason}" for run in left_out[:MAX_LINES]]
    if more := len(left_out) - len(lines):
        lines.append(f"and {more} more runs, which the page names")
    missing = (file for run in runs for file in run.missing())
    lines += [f"{file} is missing: the report leaves out what it tells" for file in missing]
    if log is not None:
        for line in lines:
            log(line)
    comparison = compare(runs, split, papers=papers).controls_first()
    sections, files = draw(comparison, SECTIONS)
    caption = results_table(comparison).caption
    texts = {
        "table.md": f"{caption}\n\n{as_markdown(comparison, table='report')}",
        "table.tex": as_latex(comparison),
        "table.json": as_json(comparison, table="report"),
        PAGE: render(
            files,
            title=title,
            headline=headline(comparison),
            sections=sections,
            notes=notes(comparison, "report"),
            left_out=left_out,
            runs=runs,
            names=names,
            beside="The tables are beside this page as table.md, table.tex and table.json, the "
            f"figures as SVG and PNG in {FIGURES}/.",
        ),
    }
    write_files(out, files | {name: text.encode() for name, text in texts.items()})
    return out / PAGE


def write_files(out: Path, files: Mapping[str, bytes]) -> None:
    """Write a page and what goes with it; a ValueError if it would replace what is no report's."""
    _refuse_others(out, files)
    for name, content in files.items():
        replace_file(out / name, content)


def check_folder(out: Path) -> None:
    """Refuse what cannot be the folder of a report."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is not a folder: name one for the page and its figures")


def _refuse_others(out: Path, names: Iterable[str]) -> None:
    """Refuse to replace files that are not an earlier report's."""
    page, figures = out / PAGE, out / FIGURES
    if figures.is_symlink():
        raise ValueError(f"{figures} is a link: choose another folder with --to")
    if page.is_file() and MARK in page.read_bytes():
        return
    there = next((out / name for name in names if (out / name).exists()), None)
    if there is not None:
        raise ValueError(
            f"{there} is not part of a report, and a report would replace it: choose another "
            "folder with --to"
        )


def _read(
    paths: Sequence[Path], names: Mapping[Path, str], split: str | None
) -> tuple[list[StoredRun], list[LeftOut], str]:
    """Runs with scores on the split, the others with their reasons, and the split."""
    runs: list[StoredRun] = []
    left_out: list[LeftOut] = []
    for path in paths:
        try:
            runs.append(_read_whole(path))
        except ValueError as error:
            left_out.append(LeftOut(names[path], str(error).replace(str(path), names[path])))
    split = split or max(PREFERRED_SPLITS, key=lambda split: sum(split in r.scores for r in runs))
    lacking = [run for run in runs if split not in run.scores]
    left_out += [LeftOut(names[run.path], f"it has no {split} scores") for run in lacking]
    usable = [run for run in runs if split in run.scores]
    if not usable:
        reasons = "; ".join(f"{run.name}: {run.reason}" for run in left_out) or "no run was named"
        raise ValueError(f"there is nothing to report: {reasons}")
    return usable, left_out, split


def _read_whole(path: Path) -> StoredRun:
    try:
        run = read(path)
    except ValueError as error:
        raise ValueError(f"{error}{logged_epochs(path)}") from None
    run.check()
    return run


def draw(
    subject: T, makers: Iterable[Callable[[T], Section | None]]
) -> tuple[list[Section], dict[str, bytes]]:
    """The sections of a page, and the files of their figures."""
    files: dict[str, bytes] = {}
    with style.house_style():
        sections = [section for make in makers if (section := make(subject)) is not None]
        for plot in (plot for section in sections for plot in section.plots):
            files[f"{FIGURES}/{plot.name}.svg"] = style.svg(plot.figure, plot.name).encode()
            files[f"{FIGURES}/{plot.name}.png"] = style.png(plot.figure)
    return sections, files


def render(
    files: Mapping[str, bytes],
    *,
    title: str,
    headline: str,
    sections: Sequence[Section],
    notes: Sequence[str],
    left_out: Sequence[LeftOut],
    runs: Sequence[StoredRun],
    names: Mapping[Path, str],
    beside: str,
) -> str:
    """The page.

    Args:
        files: The figures, of which those in SVG stand on the page.
        title: Its heading.
        headline: One sentence.
        sections: From top to bottom.
        notes: Lines in the first section.
        left_out: Runs that could not be used.
        runs: Runs that the page rests on.
        names: What their paths are called.
        beside: What lies beside the page.
    """
    drawings = {Path(name).stem: files[name].decode() for name in files if ".svg" in name}
    return template("report.html").render(
        title=title,
        headline=headline,
        sections=sections,
        drawings=drawings,
        notes=notes,
        left_out=left_out,
        runs=runs,
        names=names,
        beside=beside,
    )


def template(name: str) -> jinja2.Template:
    """A template of this room, which escapes what it is given."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("selfdistill.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _shown(value: object) -> object:
    """Escape control characters of text; HTML stays as it is."""
    return shown(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
