"""The page about one run: its classes, its mistakes as pictures, how far to rely on it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from .comparison import Comparison, compare
from .examined import ExaminedRun
from .page import FIGURES, PAGE, check_folder, draw, render, write_files
from .run_sections import agreement, class_scores, confidence, mistakes, overview
from .sections import Section, cost, learning, reliability

PICTURES = "pictures.csv"


def write_run_report(examined: ExaminedRun, out: Path, *, title: str) -> Path:
    """Write a page about one run into a folder.

    The folder gets ``index.html`` (self-contained: figures and pictures inline, no network),
    ``pictures.csv`` with a line for each image of the split, and ``figures/*.svg|png``.

    Args:
        examined: The run, and what it says of the images of a split.
        out: Folder of the report; made if it is missing.
        title: Heading of the page.

    Returns:
        The page's path.

    Raises:
        ValueError: If ``out`` is not a folder, or holds files of others that would be replaced.
        StorageFailure: If the disk refuses.
    """
    check_folder(out)
    run = examined.run
    sections, files = draw(examined, SECTIONS)
    files[PICTURES] = mistakes.as_csv(examined).encode()
    files[PAGE] = render(
        files,
        title=title,
        headline=overview.headline(examined),
        sections=sections,
        notes=[],
        left_out=[],
        runs=[run],
        names={run.path: str(run.path)},
        beside=f"{PICTURES} beside this page has a line for each image of the split; the figures "
        f"are in {FIGURES}/, as SVG and PNG.",
    ).encode()
    write_files(out, files)
    return out / PAGE


def _compared(
    make: Callable[[Comparison], Section | None], examined: ExaminedRun
) -> Section | None:
    """A section of a report of many runs, about this one."""
    return make(compare([examined.run], examined.split))


SECTIONS: tuple[Callable[[ExaminedRun], Section | None], ...] = (
    overview.section,
    class_scores.section,
    mistakes.section,
    confidence.section,
    agreement.exits_section,
    agreement.attention_section,
    partial(_compared, learning.section),
    partial(_compared, reliability.robustness_section),
    partial(_compared, cost.section),
)
"""In the order of the page; each gives None where the run holds nothing for it."""
