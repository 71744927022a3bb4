"""Rows of a table: runs that differ only in their seed, and in weights made for that seed."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

import numpy as np

from ..runs import HASH_PREFIX
from .labels import labels
from .predictions import TestPredictions
from .run import Headline, Run
from .statistics import Difference, Spread, sampling_error, spread

CONTROL = "CrossEntropy"
SPOKEN = "cross-entropy"
Runs = Sequence[Run]


@dataclass(frozen=True)
class Row:
    """The runs of one recipe, beside the row that they are compared to."""

    label: str
    runs: Runs
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
        return SPOKEN if self.is_control and self.method == CONTROL else self.label

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
    def scores(self) -> list[Headline]:
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
    def parameters(self) -> int:
        """Parameters of the deployed network."""
        return self.runs[0].cost.parameters

    @property
    def training_parameters(self) -> int:
        """Parameters with everything that is thrown away after training."""
        return self.runs[0].cost.training_parameters

    @property
    def seconds(self) -> float:
        """Mean training time of a run."""
        return float(np.mean([run.cost.seconds for run in self.runs]))

    @property
    def images(self) -> int | None:
        """Images in the split; None unless all runs record the same number."""
        match list({run.images.get(self.split) for run in self.runs}):
            case [int(count)] if count > 0:
                return count
            case _:
                return None

    @property
    def sampling_error(self) -> float | None:
        """Standard error of the accuracy from sampling the images, points."""
        return None if self.images is None else sampling_error(self.accuracy.mean, self.images)

    @property
    def best_test_epoch(self) -> Spread | None:
        """Mean and sd of the best test accuracy, percent; None unless every run recorded it."""
        accuracies = [a for run in self.runs if (a := run.best_test_epoch) is not None]
        return spread(accuracies) if len(accuracies) == len(self.runs) else None

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


def group(runs: Runs) -> dict[str, Runs]:
    """Gather runs into rows by label, in the order in which each recipe's first run comes.

    Weights that a run starts or learns from may belong to its seed, such as those of a teacher
    that is trained anew for each. They separate rows only where they do not: where some seeds
    share them, where a seed comes with several, or where runs of different recipes made them.
    """
    made_by = {run.weights: run for run in runs if run.weights is not None}
    rows = [
        sorted(row, key=lambda run: run.seed)
        for alike in _partition(runs, partial(_recipe, made_by={}))
        for row in _by_weights(alike, made_by)
    ]
    for one, other in (pair for row in rows for pair in pairwise(row)):
        if one.seed == other.seed:
            raise ValueError(
                f"{one.path} and {other.path} are the same run twice (seed {one.seed}); name one"
            )
    names = _with_makers(labels([row[0].fields for row in rows]), rows)
    return dict(zip(names, rows, strict=True))


def _by_weights(runs: Runs, made_by: Mapping[str, Run]) -> list[Runs]:
    """Split runs by the weights that they name into as few rows as possible."""
    for known in ({}, made_by):
        parts = _partition(runs, partial(_recipe, made_by=known))
        if all(_is_row(part, made_by) for part in parts):
            return parts
    return _partition(runs, lambda run: frozenset(run.fields.items()))


def _is_row(runs: Runs, made_by: Mapping[str, Run]) -> bool:
    """Whether the weights are the same in all runs, or different ones for each seed."""
    weights = [tuple(_named_weights(run).values()) for run in runs]
    known = [run for run, names in zip(runs, weights, strict=True) if made_by.keys() >= set(names)]
    return (
        len({run.seed for run in runs}) == len(runs)
        and len(set(weights)) in (1, len(runs))
        and len({_recipe(run, made_by) for run in known}) <= 1
    )


def _partition(runs: Runs, key: Callable[[Run], Hashable]) -> list[Runs]:
    parts: dict[Hashable, list[Run]] = {}
    for run in runs:
        parts.setdefault(key(run), []).append(run)
    return list(parts.values())


def _recipe(run: Run, made_by: Mapping[str, Run]) -> Hashable:
    """Key of a recipe without its seed; weights count by the recipe that made them, if known."""
    named = _named_weights(run)
    known = {k: _recipe(made_by[v], made_by) for k, v in named.items() if v in made_by}
    return frozenset({**run.fields, **dict.fromkeys(named, HASH_PREFIX), **known}.items())


def _named_weights(run: Run) -> dict[str, str]:
    """Hashes of weights that the run starts or learns from, by field."""
    values = {key: str(value) for key, value in run.fields.items()}
    return {key: value for key, value in values.items() if value.startswith(HASH_PREFIX)}


def _with_makers(names: list[str], rows: Sequence[Runs]) -> list[str]:
    """Replace hashes of weights by the label of the row that made them, if labels stay unique."""
    makers = {run.weights: name for name, row in zip(names, rows, strict=True) for run in row}
    makers.pop(None, None)
    readable = list(names)
    for weights, maker in makers.items():
        readable = [name.replace(str(weights), maker) for name in readable]
    return readable if len(set(readable)) == len(readable) else names
