"""Compare runs: rows, the control of each, and differences with intervals and verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from .labels import differing_parts
from .row import CONTROL, SPOKEN, Row, group
from .run import Run
from .statistics import MIN_SEEDS, Difference, differences

PREFERRED_SPLITS = ("test", "validation")
"""Splits to compare on, in the order of preference."""
HEADLINE = "SKDSAM"
"""The method whose differences take more seeds to call."""
HEADLINE_SEEDS = 5
ROUNDING_ONLY = frozenset({"compile", "deterministic"})
"""Parts of a recipe that change how a step executes, and its numbers by rounding alone."""
NO_PAPERS: Mapping[Path, float] = {}


@dataclass(frozen=True)
class Comparison:
    """Rows on one split."""

    split: str
    rows: tuple[Row, ...]

    @property
    def control_name(self) -> str:
        """What differences are to: cross-entropy, or else the first of two rows."""
        return next((row.name for row in self.rows if row.is_control), SPOKEN)

    def controls_first(self) -> "Comparison":
        """The same with the rows that others are compared to at the top."""
        return replace(self, rows=tuple(sorted(self.rows, key=lambda row: not row.is_control)))


def compare(
    runs: Sequence[Run], split: str | None = None, *, papers: Mapping[Path, float] = NO_PAPERS
) -> Comparison:
    """Set runs beside each other.

    A row's difference is to the cross-entropy row of its setting; without any cross-entropy, and
    with two rows of one setting, the second's is to the first.

    Args:
        runs: At least one.
        split: ``test`` or ``validation``; by default the first of them that every run has.
        papers: Published accuracies in percent, each by the path of any of the row's runs.

    Raises:
        ValueError: If there is no run, one lacks the split, or one is given twice.
    """
    if not runs:
        raise ValueError("there is nothing to compare; name at least one finished run")
    split = _split(runs, split)
    rows = [Row(label, alike, split) for label, alike in group(runs).items()]
    controls = {row.label: _nearest_control(row, rows) for row in rows}
    ordered = sorted(rows, key=lambda row: controls[row.label] != row.label)
    first_style = 0 if ordered[0].method == CONTROL else 1
    styles = {row.label: i for i, row in enumerate(ordered, first_style)}
    rows = [
        replace(
            row,
            style=styles[row.label],
            paper=next((papers[run.path] for run in row.runs if run.path in papers), None),
            is_control=controls[row.label] == row.label,
        )
        for row in rows
    ]
    compared: dict[str, Row] = {}
    for row in rows:
        if row.is_control:
            control = replace(row, step_ratio=_step_ratio(row, row))
            others = [one for one in rows if controls[one.label] == row.label != one.label]
            compared |= {one.label: one for one in (control, *_compare_with(control, others))}
    return Comparison(split, tuple(compared.get(row.label, row) for row in rows))


def seeds_needed(*methods: str) -> int:
    """Runs that the rows of compared methods need, each, for a verdict."""
    return HEADLINE_SEEDS if HEADLINE in methods else MIN_SEEDS


def _split(runs: Sequence[Run], split: str | None) -> str:
    if split is not None and split not in PREFERRED_SPLITS:
        raise ValueError(
            f"there is no split {split!r}; choose one of {', '.join(PREFERRED_SPLITS)}"
        )
    candidates = PREFERRED_SPLITS if split is None else (split,)
    lacking = {
        split: next((run.path for run in runs if split not in run.scores), None)
        for split in candidates
    }
    complete = [split for split, path in lacking.items() if path is None]
    if complete:
        return complete[0]
    faults = ", ".join(f"{path} lacks {split} scores" for split, path in lacking.items())
    first = candidates[0]
    raise ValueError(
        f"{faults}; run `selfdistill evaluate {lacking[first]} --split {first}` or leave it out"
    )


def _nearest_control(row: Row, rows: Sequence[Row]) -> str | None:
    """Label of the cross-entropy row nearest in setting, preferably one without options.

    Without any cross-entropy: the first of two rows of the same setting.
    """

    def distance(control: Row) -> tuple[int, bool]:
        fields = control.runs[0].fields
        options = fields.keys() - {"method.class_path"}
        has_options = any(fields[key] for key in options if key.startswith("method."))
        return len(_differing(row, control)), has_options

    nearest = min((one for one in rows if one.method == CONTROL), key=distance, default=None)
    if nearest is None and len(rows) == 2 and not _differing(*rows):
        return rows[0].label
    return nearest and nearest.label


def _differing(row: Row, other: Row) -> tuple[str, ...]:
    """Parts of the recipe, other than the method, in which rows differ, seed by seed.

    Runs that start from weights of their seed are to start from the same, not all from one.
    """
    pairs = [(a, b) for a, b in product(row.runs, other.runs) if a.seed == b.seed]
    parts = [
        differing_parts(a.fields, b.fields, ignore=ROUNDING_ONLY | {"method"})
        for a, b in pairs or [(row.runs[0], other.runs[0])]
    ]
    return tuple(dict.fromkeys(part for some in parts for part in some))


def _compare_with(control: Row, rows: Sequence[Row]) -> list[Row]:
    """Compare rows with their control; the intervals hold jointly."""
    rows = [replace(row, differs=_differing(row, control)) for row in rows]
    family = [row for row in rows if not row.differs]
    tests = differences(control.accuracies, [row.accuracies for row in family])
    return [row for row in rows if row.differs] + [
        replace(
            row,
            control=control,
            difference=_with_seeds_enough(test, row, control),
            step_ratio=_step_ratio(row, control),
        )
        for row, test in zip(family, tests, strict=True)
    ]


def _with_seeds_enough(test: Difference, row: Row, control: Row) -> Difference:
    """The same difference, without a verdict where the rows have too few seeds for one."""
    needed = seeds_needed(row.method, control.method)
    if min(len(row.runs), len(control.runs)) >= needed:
        return test
    return test._replace(obstacle=f"under {needed} seeds")


def _step_ratio(row: Row, control: Row) -> float | None:
    """None unless the control is cross-entropy and all runs used one machine and execution."""
    machines = {_machine(run) for run in (*row.runs, *control.runs)}
    if control.method != CONTROL or len(machines) > 1:
        return None
    speed = [np.mean([run.cost.images_per_second for run in one.runs]) for one in (control, row)]
    return float(speed[0] / speed[1])


def _machine(run: Run) -> tuple[str, ...]:
    environment = (run.environment.get("device"), run.environment.get("processor"))
    execution = (run.fields.get(part) for part in sorted(ROUNDING_ONLY))
    return tuple(str(value) for value in (*environment, *execution))
