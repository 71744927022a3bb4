"""Runs beside each other: rows, what each is compared to, and what the differences allow to say."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from .labels import sections
from .lines import CONTROL, Comparison, Line, seeds_needed
from .notes import comparison_notes
from .rows import group
from .runs import Summary
from .statistics import Difference, differences

SPLITS = ("test", "validation")
EXECUTION = frozenset({"compile", "deterministic"})
"""Parts of a recipe that change how a step executes, and its numbers by rounding alone."""


def compare(summaries: Sequence[Summary], split: str | None = None) -> Comparison:
    """Set runs beside each other.

    A row's difference is to the cross-entropy row of its setting; without any cross-entropy, and
    with two rows of one setting, the second's is to the first.

    Args:
        summaries: At least one finished run.
        split: ``test`` or ``validation``; by default the first of them that every run has.

    Raises:
        ValueError: If there is no run, one lacks the split, or one is given twice.
    """
    if not summaries:
        raise ValueError("there is nothing to compare; name at least one finished run")
    split = _split(summaries, split)
    lines = [Line(label, runs, split) for label, runs in group(summaries).items()]
    lines = _set_against_controls(lines)
    return Comparison(split, lines, tuple(comparison_notes(lines, split)))


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


def _differing(line: Line, other: Line) -> tuple[str, ...]:
    """Parts of the recipe but the method in which rows differ, seed by seed.

    Runs that start from weights of their seed are to start from the same, not all from one.
    """
    pairs = [(a, b) for a, b in product(line.runs, other.runs) if a.seed == b.seed]
    parts = [
        sections(a.fields, b.fields, ignore=EXECUTION | {"method"})
        for a, b in pairs or [(line.runs[0], other.runs[0])]
    ]
    return tuple(dict.fromkeys(part for found in parts for part in found))


def _control(line: Line, lines: Sequence[Line]) -> Line | None:
    """The row to compare to: the cross-entropy row nearest in setting, without options if can be.

    Without any cross-entropy: the first of two rows of the same setting.
    """

    def distance(control: Line) -> tuple[int, bool]:
        fields = control.runs[0].fields
        options = fields.keys() - {"method.class_path"}
        has_options = any(fields[key] for key in options if key.startswith("method."))
        return len(_differing(line, control)), has_options

    found = min((one for one in lines if one.method == CONTROL), key=distance, default=None)
    if found is None and len(lines) == 2 and not _differing(*lines):
        return lines[0]
    return found


def _set_against_controls(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The same rows in the same order, with what they are compared to."""
    controls = {line.label: _control(line, lines) for line in lines}
    found: dict[str, Line] = {}
    for line in lines:
        if controls[line.label] is line:
            control = replace(line, is_control=True, step_ratio=_step_ratio(line, line))
            others = [other for other in lines if controls[other.label] is line is not other]
            found |= {one.label: one for one in (control, *_compared(others, control))}
    return tuple(found.get(line.label, line) for line in lines)


def _compared(lines: Sequence[Line], control: Line) -> list[Line]:
    """Rows whose nearest control it is; the differences hold jointly."""
    lines = [replace(line, differs=_differing(line, control)) for line in lines]
    family = [line for line in lines if not line.differs]
    tests = differences(control.accuracies, [line.accuracies for line in family])
    return [line for line in lines if line.differs] + [
        replace(
            line,
            control=control,
            difference=_with_seeds_enough(test, line, control),
            step_ratio=_step_ratio(line, control),
        )
        for line, test in zip(family, tests, strict=True)
    ]


def _with_seeds_enough(test: Difference, line: Line, control: Line) -> Difference:
    """The same difference, without a verdict where the rows have too few seeds for one."""
    needed = seeds_needed(line.method, control.method)
    if min(len(line.runs), len(control.runs)) >= needed:
        return test
    return test._replace(obstacle=f"under {needed} seeds")


def _step_ratio(line: Line, control: Line) -> float | None:
    """None without cross-entropy, and where anything but the method could make the difference."""
    machines = {_machine(run) for run in (*line.runs, *control.runs)}
    if control.method != CONTROL or len(machines) > 1:
        return None
    speed = [np.mean([run.cost.images_per_second for run in one.runs]) for one in (control, line)]
    return float(speed[0] / speed[1])


def _machine(run: Summary) -> tuple[str, ...]:
    place = (run.environment.get("device"), run.environment.get("processor"))
    execution = (run.fields.get(part) for part in sorted(EXECUTION))
    return tuple(str(value) for value in (*place, *execution))
