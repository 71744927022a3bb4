"""Compare runs: rows, the control of each, and differences with intervals and verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np

from .grouping import METHOD, differing_parts, group
from .predictions import TestPredictions
from .run import Cost, Scores, StoredRun
from .statistics import MIN_SEEDS, Difference, Spread, differences, sampling_error, spread

CONTROL = "CrossEntropy"
CONTROL_NAME = "cross-entropy"
PREFERRED_SPLITS = ("test", "validation")
"""Splits to compare on, in the order of preference."""
MAIN_METHOD = "SKDSAM"
"""The method whose differences take more seeds to call."""
MAIN_METHOD_SEEDS = 5
ROUNDING_ONLY = frozenset({"compile", "deterministic"})
"""Parts of a recipe that change how a step executes, and its numbers by rounding alone."""
NO_PAPERS: Mapping[Path, float] = {}
ROUNDING = 1e-5
"""Percent: scores in summaries have six digits behind the point."""


@dataclass(frozen=True)
class Row:
    """The runs of one recipe, beside the row that they are compared to."""

    label: str
    runs: Sequence[StoredRun]
    """In the order of their seeds; at least one."""
    split: str
    style: int = 1
    """Position among the colours of figures; 0 is the first cross-entropy row's alone."""
    is_control: bool = False
    """Whether this is the row that others are compared to."""
    control: "Row | None" = None
    """The row that this one is compared to; None where none has the same setting."""
    difference: Difference | None = None
    """To the control, in points."""
    differs: tuple[str, ...] = ()
    """Parts of the recipe in which the nearest cross-entropy row is another setting."""
    step_ratio: float | None = None
    """Images per second of cross-entropy over images per second of this row."""
    paper: float | None = None
    """Accuracy that a paper gives, percent."""

    @property
    def method(self) -> str:
        """The method's name."""
        return self.runs[0].method

    @property
    def name(self) -> str:
        """How a sentence names this row as the one that others are compared to."""
        return CONTROL_NAME if self.is_control and self.method == CONTROL else self.label

    @property
    def cross_entropy(self) -> "Row | None":
        """The cross-entropy row of the same setting; None for itself and where there is none."""
        return self.control if self.control is not None and self.control.method == CONTROL else None

    @property
    def verdict(self) -> str | None:
        """``better``, ``worse``, ``not distinguishable``; None where it cannot be given."""
        return None if self.difference is None else self.difference.verdict

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the runs, in ascending order."""
        return tuple(run.seed for run in self.runs)

    @property
    def weights_by_seed(self) -> list[str]:
        """Fields of the recipe that name other weights for each seed."""
        first = self.runs[0].fields
        return [key for key in first if any(r.fields[key] != first[key] for r in self.runs)]

    @cached_property
    def scores(self) -> list[Scores]:
        """Scores of each run on the split."""
        return [run.scores[self.split] for run in self.runs]

    @property
    def accuracies(self) -> list[float]:
        """Accuracy of each run after the last epoch, percent."""
        return [scores.accuracy for scores in self.scores]

    @property
    def accuracy(self) -> Spread:
        """Mean and standard deviation of the accuracy after the last epoch, percent."""
        return spread(self.accuracies)

    @property
    def nll(self) -> float:
        """Mean negative log-likelihood, nats."""
        return float(np.mean([scores.nll for scores in self.scores]))

    @property
    def ece(self) -> float:
        """Mean expected calibration error, percent."""
        return float(np.mean([scores.ece for scores in self.scores]))

    @property
    def scaled_nll(self) -> float | None:
        """Mean NLL with each run's temperature; None unless every run records it."""
        return self._mean_scaled("nll")

    @property
    def scaled_ece(self) -> float | None:
        """Mean ECE with each run's temperature, percent; None unless every run records it."""
        return self._mean_scaled("ece")

    @property
    def macro_accuracy(self) -> Spread | None:
        """Mean accuracy of the classes, percent; None unless every run records it."""
        return self._spread_of("macro_accuracy")

    @property
    def macro_f1(self) -> Spread | None:
        """Mean F1 of the classes, percent; None unless every run records it: older ones do not."""
        return self._spread_of("macro_f1")

    @property
    def is_balanced(self) -> bool:
        """Whether classes have equally many images, as far as accuracies tell."""
        macro = self.macro_accuracy
        return macro is None or abs(macro.mean - self.accuracy.mean) < ROUNDING

    @property
    def cost(self) -> Cost:
        """Mean time and speed of the runs; sizes of the first one's networks."""
        costs = [run.cost for run in self.runs]
        return replace(
            costs[0],
            seconds=float(np.mean([cost.seconds for cost in costs])),
            images_per_second=float(np.mean([cost.images_per_second for cost in costs])),
        )

    @property
    def images(self) -> int | None:
        """Images in the split; None unless all runs record the same number."""
        sizes = {run.num_images(self.split) for run in self.runs}
        return sizes.pop() if len(sizes) == 1 else None

    @property
    def sampling_error(self) -> float | None:
        """Standard error of the accuracy from sampling the images, points."""
        return None if self.images is None else sampling_error(self.accuracy.mean, self.images)

    @property
    def best_test_epoch(self) -> Spread | None:
        """Mean and sd of the best test accuracy, percent; None unless every run recorded it."""
        accuracies = [a for run in self.runs if (a := run.best_test_epoch) is not None]
        return spread(accuracies) if len(accuracies) == len(self.runs) else None

    def _mean_scaled(self, name: str) -> float | None:
        scores = [run.scaled_scores(self.split).get("network", {}).get(name) for run in self.runs]
        values = [value for value in scores if value is not None]
        return float(np.mean(values)) if len(values) == len(scores) else None

    def _spread_of(self, name: str) -> Spread | None:
        scores = [run.exit_scores(self.split).get("network", {}).get(name) for run in self.runs]
        values = [value for value in scores if value is not None]
        return spread(values) if len(values) == len(scores) else None

    @property
    def predictions(self) -> list[TestPredictions]:
        """Predictions of the runs that have any; empty on another split than test."""
        if self.split != "test":
            return []
        return [run.predictions for run in self.runs if run.predictions is not None]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; their numbers if no run has the names."""
        count = max((one.num_classes for one in self.predictions), default=0)
        known = [run.classes for run in self.runs if len(run.classes) == count]
        return known[0] if known else tuple(f"class {k}" for k in range(count))


@dataclass(frozen=True)
class Comparison:
    """Rows on one split."""

    split: str
    rows: tuple[Row, ...]

    @property
    def control_name(self) -> str:
        """What differences are to: cross-entropy, or else the first of two rows."""
        return next((row.name for row in self.rows if row.is_control), CONTROL_NAME)

    def controls_first(self) -> "Comparison":
        """The same with the rows that others are compared to at the top."""
        return replace(self, rows=tuple(sorted(self.rows, key=lambda row: not row.is_control)))


def compare(
    runs: Sequence[StoredRun], split: str | None = None, *, papers: Mapping[Path, float] = NO_PAPERS
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
    rows = {label: Row(label, alike, split) for label, alike in group(runs).items()}
    controls = {label: _nearest_control(row, [*rows.values()]) for label, row in rows.items()}
    ordered = sorted(rows, key=lambda label: controls[label] != label)
    first_style = 0 if rows[ordered[0]].method == CONTROL else 1
    for style, label in enumerate(ordered, first_style):
        rows[label] = replace(
            rows[label],
            style=style,
            paper=next((papers[run.path] for run in rows[label].runs if run.path in papers), None),
            is_control=controls[label] == label,
        )
    for control in [row for row in rows.values() if row.is_control]:
        control = replace(control, step_ratio=_step_ratio(control, control))
        others = [row for label, row in rows.items() if controls[label] == control.label != label]
        rows |= {row.label: row for row in (control, *_with_differences(others, control))}
    return Comparison(split, tuple(rows.values()))


def seeds_needed(*methods: str) -> int:
    """Runs that the rows of compared methods need, each, for a verdict."""
    return MAIN_METHOD_SEEDS if MAIN_METHOD in methods else MIN_SEEDS


def _split(runs: Sequence[StoredRun], split: str | None) -> str:
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
        fields = control.runs[0].fields.items()
        options = [v for key, v in fields if key.startswith("method.") and key != METHOD]
        return len(_differing(row, control)), any(options)

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


def _with_differences(rows: Sequence[Row], control: Row) -> list[Row]:
    """Compare rows with their control; the intervals hold jointly."""
    rows = [replace(row, differs=_differing(row, control)) for row in rows]
    family = [row for row in rows if not row.differs]
    compared: list[Row] = []
    tests = differences(control.accuracies, [row.accuracies for row in family])
    for row, test in zip(family, tests, strict=True):
        needed = seeds_needed(row.method, control.method)
        if min(len(row.runs), len(control.runs)) < needed:
            test = test._replace(obstacle=f"under {needed} seeds")
        ratio = _step_ratio(row, control)
        compared.append(replace(row, control=control, difference=test, step_ratio=ratio))
    return [row for row in rows if row.differs] + compared


def _step_ratio(row: Row, control: Row) -> float | None:
    """Speeds over each other; None unless measured on one machine against cross-entropy."""
    machines = {
        (
            str(run.environment.get("device")),
            str(run.environment.get("processor")),
            *(run.fields.get(part) for part in ROUNDING_ONLY),
        )
        for run in (*row.runs, *control.runs)
    }
    speed = row.cost.images_per_second
    if control.method != CONTROL or len(machines) > 1 or not speed:
        return None
    return control.cost.images_per_second / speed
