"""The rows of a report: each line of the comparison with all that its runs recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .comparison import SPLITS, compare
from .evidence import Evidence
from .lines import CONTROL, Comparison, Line
from .statistics import Spread, spread


@dataclass(frozen=True)
class Entry:
    """A row of the report."""

    line: Line
    runs: tuple[Evidence, ...]
    """Those of the line, in the same order."""
    control: "Entry | None"
    """The cross-entropy row of the same setting; None for itself and where there is none."""
    style: int
    """Position among the colours; 0 is the first cross-entropy row's alone."""

    @property
    def label(self) -> str:
        """Name of the row."""
        return self.line.label

    @property
    def method(self) -> str:
        """The method's name."""
        return self.line.method

    @property
    def paper(self) -> float | None:
        """Accuracy that the paper gives, percent."""
        return self.line.paper

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
    """Gather runs into the rows of a report, those that others are compared to first.

    Args:
        runs: At least one, each with scores on the split.
        split: ``test`` or ``validation``.
        papers: Published accuracies, percent, by the path of any of the row's runs.

    Raises:
        ValueError: If two runs of a row have the same seed.
    """
    comparison = compare([run.summary for run in runs], split)
    by_path = {run.summary.path: run for run in runs}
    ordered = sorted(comparison.lines, key=lambda line: not line.is_control)
    found: dict[str, Entry] = {}
    for style, line in enumerate(ordered, start=0 if ordered[0].method == CONTROL else 1):
        members = tuple(by_path[run.path] for run in line.runs)
        paper = next((papers[run.path] for run in line.runs if run.path in papers), None)
        found[line.label] = Entry(
            line=replace(line, paper=paper, legacy=_legacy(members)),
            runs=members,
            control=_cross_entropy(line, found),
            style=style,
        )
    lines = tuple(entry.line for entry in found.values())
    return replace(comparison, lines=lines), list(found.values())


def _cross_entropy(line: Line, found: Mapping[str, Entry]) -> Entry | None:
    if line.control is None or line.control.method != CONTROL:
        return None
    return found[line.control.label]


def _legacy(runs: Sequence[Evidence]) -> Spread | None:
    found = [run.legacy for run in runs if run.legacy is not None]
    return spread(found) if len(found) == len(runs) else None
