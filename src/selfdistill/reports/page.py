"""A report: one self-contained page, its tables, and its figures as files."""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from .content import Section
from .entries import Entry, choose_split, entries
from .evidence import Evidence, read_evidence
from .figures import (
    attention,
    calibration,
    classes,
    cost,
    exits,
    learning,
    results,
    robustness,
    style,
)
from .published import as_data, as_latex, as_markdown, notes
from .verdicts import headline

PAGE = "index.html"
FIGURES = "figures"


@dataclass(frozen=True)
class LeftOut:
    """A run that the report could not use."""

    name: str
    reason: str


def write_report(
    runs: Sequence[Path], out: Path, *, title: str, papers: Mapping[Path, float] | None = None
) -> Path:
    """Write a report of finished runs into a folder.

    The folder gets ``index.html`` (self-contained: figures inline, no network), ``table.md``,
    ``table.tex``, ``table.json`` and ``figures/*.svg|png``. Runs that are unfinished, or lack
    scores on the split that most runs have, are listed with the reason.

    Args:
        runs: Run directories or copies of their summaries.
        out: Folder of the report; made if it is missing.
        title: Heading of the page.
        papers: Published accuracies in percent, each by the path of any of the row's runs.

    Returns:
        The page's path.

    Raises:
        ValueError: If no run can be used, or one is given twice.
    """
    names = _names(runs)
    usable, left_out = _read(runs, names)
    split = choose_split(usable)
    lacking = [run for run in usable if split not in run.summary.scores]
    left_out += [LeftOut(names[run.summary.path], f"it has no {split} scores") for run in lacking]
    usable = [run for run in usable if split in run.summary.scores]
    comparison, rows = entries(usable, split, papers or {})
    remarks = notes(rows, split)
    with style.house_style():
        sections = _sections(rows, split)
        drawings = _draw(sections, out / FIGURES)
    table = sections[0].tables[0]
    files = {
        "table.md": as_markdown(table, remarks),
        "table.tex": as_latex(table, remarks),
        "table.json": as_data(comparison, rows, remarks),
        PAGE: _template().render(
            title=title,
            headline=headline(rows, split),
            sections=sections,
            drawings=drawings,
            notes=remarks,
            left_out=left_out,
            runs=usable,
            names=names,
            figures=FIGURES,
        ),
    }
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    return out / PAGE


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Name runs by where they lie below the folder that holds them all."""
    folder = os.path.commonpath([path.absolute().parent for path in paths]) if paths else "."
    return {path: path.absolute().relative_to(folder).as_posix() for path in paths}


def _read(paths: Sequence[Path], names: Mapping[Path, str]) -> tuple[list[Evidence], list[LeftOut]]:
    usable: list[Evidence] = []
    left_out: list[LeftOut] = []
    for path in paths:
        try:
            usable.append(read_evidence(path))
        except ValueError as error:
            left_out.append(LeftOut(names[path], str(error).replace(str(path), names[path])))
    if not usable:
        reasons = "; ".join(run.reason for run in left_out) or "no run was named"
        raise ValueError(f"there is nothing to report: {reasons}")
    return usable, left_out


def _sections(rows: Sequence[Entry], split: str) -> list[Section]:
    found = [
        results.section(rows, split),
        learning.section(rows),
        calibration.section(rows, split),
        classes.section(rows),
        exits.section(rows, split),
        attention.section(rows, split),
        robustness.section(rows, split),
        cost.section(rows),
    ]
    return [section for section in found if section is not None]


def _draw(sections: Sequence[Section], folder: Path) -> dict[str, str]:
    """Write every figure; the SVG elements for the page by name."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings: dict[str, str] = {}
    for section in sections:
        for picture in section.pictures:
            drawings[picture.name] = style.svg(picture.figure, picture.name)
            (folder / f"{picture.name}.svg").write_text(drawings[picture.name], encoding="utf-8")
            (folder / f"{picture.name}.png").write_bytes(style.png(picture.figure))
    return drawings


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("selfdistill.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = _base64
    return environment.get_template("report.html")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
