"""The rows of a report: each line of the comparison with the runs it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .comparison import CONTROL, EXECUTION, SPLITS, Comparison, Line, compare, seeds_needed
from .evidence import Evidence
from .labels import sections
from .runs import Row, group
from .statistics import Spread, sampling_error, spread


@dataclass(frozen=True)
class Entry:
    """A row of the report."""

    line: Line
    method: str
    runs: tuple[Evidence, ...]
    """In the order of their seeds; at least one."""
    control: "Entry | None"
    """The cross-entropy row of the same setting; None for itself and where there is none."""
    paper: float | None
    """Accuracy that the paper gives, percent."""
    legacy: Spread | None
    """Best test epoch, percent, where every run recorded it."""
    sampling: float | None
    """Standard error of the accuracy by the choice of images, points."""
    style: int
    """Position among the colours, 0 for the first cross-entropy row."""

    @property
    def label(self) -> str:
        """Name of the row."""
        return self.line.label

    @property
    def seeds_needed(self) -> int:
        """Runs that this row and its control need for a verdict."""
        return seeds_needed(self.method)

    @property
    def verdict(self) -> str | None:
        """``better``, ``worse``, ``not distinguishable``; None where it cannot be given."""
        return None if self.line.difference is None else self.line.difference.verdict


def choose_split(runs: Sequence[Evidence]) -> str:
    """The split that most runs have scores of; test where there are as many."""
    return max(SPLITS, key=lambda split: sum(split in run.summary.scores for run in runs))


def entries(
    runs: Sequence[Evidence], split: str, papers: Mapping[Path, float]
) -> tuple[Comparison, list[Entry]]:
    """Gather runs into the rows of a report, those of cross-entropy first.

    Args:
        runs: At least one, each with scores on the split.
        split: ``test`` or ``validation``.
        papers: Published accuracies, percent, by the path of any of the row's runs.

    Raises:
        ValueError: If two runs of a row have the same seed.
    """
    comparison = compare([run.summary for run in runs], split)
    rows = group([run.summary for run in runs])
    by_path = {run.summary.path: run for run in runs}
    methods = [row.runs[0].method for row in rows]
    styles = _styles(methods)
    found: list[Entry] = []
    order = sorted(range(len(rows)), key=lambda i: not comparison.lines[i].is_control)
    for i in order:
        row, line = rows[i], comparison.lines[i]
        members = tuple(by_path[run.path] for run in row.runs)
        found.append(
            Entry(
                line=line,
                method=methods[i],
                runs=members,
                control=None if line.is_control else _control(row, found),
                paper=next((papers[run.path] for run in row.runs if run.path in papers), None),
                legacy=_legacy(members),
                sampling=_sampling(row, line, split),
                style=styles[i],
            )
        )
    return comparison, found


def _control(row: Row, found: Sequence[Entry]) -> Entry | None:
    ignore = EXECUTION | {"method"}
    for entry in found:
        other = entry.runs[0].summary.fields
        if entry.line.is_control and not sections(row.runs[0].fields, other, ignore=ignore):
            return entry
    return None


def _styles(methods: Sequence[str]) -> list[int]:
    """Number the rows, so that 0, black, is cross-entropy's alone."""
    first = methods.index(CONTROL) if CONTROL in methods else None
    others = iter(range(1, len(methods) + 1))
    return [0 if position == first else next(others) for position in range(len(methods))]


def _legacy(runs: Sequence[Evidence]) -> Spread | None:
    found = [run.legacy for run in runs if run.legacy is not None]
    return spread(found) if len(found) == len(runs) else None


def _sampling(row: Row, line: Line, split: str) -> float | None:
    images = row.runs[0].images.get(split)
    return sampling_error(line.accuracy.mean, images) if isinstance(images, int) else None
