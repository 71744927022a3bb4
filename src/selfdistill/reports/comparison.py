"""Rows of runs beside each other, and what their differences to cross-entropy allow to say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .labels import sections
from .runs import Row, Summary, group
from .statistics import (
    FEWEST_SEEDS,
    Difference,
    Spread,
    differences,
    sampling_error,
    spread,
)

CONTROL = "CrossEntropy"
HEADLINE = "SKDSAM"
"""The method whose difference to cross-entropy takes more seeds to call."""
HEADLINE_SEEDS = 5
SPLITS = ("test", "validation")
EXECUTION = frozenset({"compile", "deterministic"})
"""Parts of a recipe that change how a step executes, and its numbers by rounding alone."""


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    label: str
    seeds: tuple[int, ...]
    accuracy: Spread
    """Last epoch, percent."""
    is_control: bool
    """Whether this is the cross-entropy row that others are compared to."""
    difference: Difference | None
    """To the cross-entropy row of the same setting, in points."""
    differs: tuple[str, ...]
    """Parts of the recipe in which the nearest cross-entropy row is another setting."""
    nll: float
    ece: float
    parameters: int
    training_parameters: int
    seconds: float
    step_ratio: float | None
    """Images per second of cross-entropy over images per second of this row."""


@dataclass(frozen=True)
class Comparison:
    """A table's content; ``table`` renders it."""

    split: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def has_control(self) -> bool:
        """Whether there is anything to be different from."""
        return any(line.is_control for line in self.lines)


def compare(summaries: Sequence[Summary], split: str | None = None) -> Comparison:
    """Set runs beside each other.

    Args:
        summaries: At least one finished run.
        split: ``test`` or ``validation``; by default the first of them that every run has.

    Raises:
        ValueError: If there is no run, one lacks the split, or one is given twice.
    """
    if not summaries:
        raise ValueError("there is nothing to compare; name at least one finished run")
    split = _split(summaries, split)
    rows = group(summaries)
    controls = [_control(row, rows) for row in rows]
    lines = tuple(_lines(rows, controls, split))
    return Comparison(split, lines, tuple(_notes(summaries, lines, split)))


def seeds_needed(method: str) -> int:
    """Runs that a method's row and its cross-entropy row need, each, for a verdict."""
    return HEADLINE_SEEDS if method == HEADLINE else FEWEST_SEEDS


def _split(summaries: Sequence[Summary], wanted: str | None) -> str:
    if wanted is not None and wanted not in SPLITS:
        raise ValueError(f"there is no split {wanted!r}; choose one of {', '.join(SPLITS)}")
    candidates = SPLITS if wanted is None else (wanted,)
    lacking = {
        split: next((s.path for s in summaries if split not in s.scores), None)
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


def _differing(row: Row, other: Row) -> tuple[str, ...]:
    return sections(row.runs[0].fields, other.runs[0].fields, ignore=EXECUTION | {"method"})


def _control(row: Row, rows: Sequence[Row]) -> Row | None:
    """The cross-entropy row nearest in setting; of several, the one without any option."""

    def distance(control: Row) -> tuple[int, bool]:
        fields = control.runs[0].fields
        options = fields.keys() - {"method.class_path"}
        has_options = any(fields[key] for key in options if key.startswith("method."))
        return len(_differing(row, control)), has_options

    return min((r for r in rows if r.runs[0].method == CONTROL), key=distance, default=None)


def _lines(rows: Sequence[Row], controls: Sequence[Row | None], split: str) -> list[Line]:
    found: dict[str, Difference] = {}
    for control in {c.label: c for c in controls if c is not None}.values():
        family = [
            row
            for row, own in zip(rows, controls, strict=True)
            if own is control and row is not control and not _differing(row, control)
        ]
        accuracies = [_accuracies(row, split) for row in family]
        tests = differences(_accuracies(control, split), accuracies)
        for row, test in zip(family, tests, strict=True):
            found[row.label] = _with_seeds_enough(test, row, control)
    return [
        _line(row, control, found.get(row.label), split)
        for row, control in zip(rows, controls, strict=True)
    ]


def _with_seeds_enough(test: Difference, row: Row, control: Row) -> Difference:
    """The same difference, without a verdict where the rows have too few seeds for one."""
    needed = seeds_needed(row.runs[0].method)
    if min(len(row.runs), len(control.runs)) >= needed:
        return test
    return test._replace(obstacle=f"under {needed} seeds")


def _accuracies(row: Row, split: str) -> list[float]:
    return [run.scores[split].accuracy for run in row.runs]


def _line(row: Row, control: Row | None, difference: Difference | None, split: str) -> Line:
    scores, costs = [r.scores[split] for r in row.runs], [r.cost for r in row.runs]
    return Line(
        label=row.label,
        seeds=tuple(run.seed for run in row.runs),
        accuracy=spread(_accuracies(row, split)),
        is_control=row is control,
        difference=difference,
        differs=() if control is None else _differing(row, control),
        nll=float(np.mean([s.nll for s in scores])),
        ece=float(np.mean([s.ece for s in scores])),
        parameters=costs[0].parameters,
        training_parameters=costs[0].training_parameters,
        seconds=float(np.mean([c.seconds for c in costs])),
        step_ratio=_step_ratio(row, control),
    )


def _step_ratio(row: Row, control: Row | None) -> float | None:
    """None where anything but the method could make the difference."""
    if control is None or _differing(row, control):
        return None
    machines = {_machine(run) for run in (*row.runs, *control.runs)}
    speed = [np.mean([run.cost.images_per_second for run in r.runs]) for r in (control, row)]
    return float(speed[0] / speed[1]) if len(machines) == 1 else None


def _machine(run: Summary) -> tuple[str, ...]:
    place = (run.environment.get("device"), run.environment.get("processor"))
    execution = (run.fields.get(part) for part in sorted(EXECUTION))
    return tuple(str(value) for value in (*place, *execution))


def _notes(summaries: Sequence[Summary], lines: Sequence[Line], split: str) -> list[str]:
    notes = [f"{split} split, last epoch; accuracy and ECE in percent, ± standard deviation"]
    tests = [line.difference for line in lines if line.difference is not None]
    if tested := sum(test.interval is not None for test in tests):
        kind = "95 % intervals over seeds (Welch)"
        if tested > 1:
            kind = "joint 95 % intervals over seeds (Dunnett)"
        notes.append(f"differences in points, with {kind}")
    images = {summary.images.get(split) for summary in summaries}
    match list(images):
        case [int(count)]:
            error = max(sampling_error(line.accuracy.mean, count) for line in lines)
            notes.append(f"{count:,} {split} images: sampling error up to ±{error:.2f} points")
        case _:
            pass
    if any(line.step_ratio is not None for line in lines if not line.is_control):
        notes.append("step ratio across processes: an indication, no benchmark")
    return notes
