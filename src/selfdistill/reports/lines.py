"""What a results table is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .runs import Scores, Summary
from .statistics import FEWEST_SEEDS, Difference, Spread, sampling_error, spread

CONTROL = "CrossEntropy"
SPOKEN = "cross-entropy"
HEADLINE = "SKDSAM"
"""The method whose differences take more seeds to call."""
HEADLINE_SEEDS = 5


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    label: str
    runs: Sequence[Summary]
    """In the order of their seeds; at least one."""
    split: str
    is_control: bool = False
    """Whether this is the row that others are compared to."""
    control: "Line | None" = None
    """The row that this one is compared to; None where none has the same setting."""
    difference: Difference | None = None
    """To the control, in points."""
    differs: tuple[str, ...] = ()
    """Parts of the recipe in which the nearest cross-entropy row is another setting."""
    step_ratio: float | None = None
    """Images per second of cross-entropy over images per second of this row."""
    paper: float | None = None
    """Accuracy that a paper gives, percent."""
    legacy: Spread | None = None
    """Best test epoch, percent, where every run recorded it and somebody asks for it."""

    @property
    def name(self) -> str:
        """What others are compared to, in a sentence."""
        return SPOKEN if self.is_control and self.method == CONTROL else self.label

    @property
    def method(self) -> str:
        """The method's name."""
        return self.runs[0].method

    @property
    def seeds(self) -> tuple[int, ...]:
        """In order."""
        return tuple(run.seed for run in self.runs)

    @property
    def weights_by_seed(self) -> list[str]:
        """Fields of the recipe that name other weights for each seed."""
        first = self.runs[0].fields
        return [key for key in first if any(r.fields[key] != first[key] for r in self.runs)]

    @cached_property
    def scores(self) -> list[Scores]:
        """Those of each run on the table's split."""
        return [run.scores[self.split] for run in self.runs]

    @property
    def accuracies(self) -> list[float]:
        """Of each run, last epoch, percent."""
        return [scores.accuracy for scores in self.scores]

    @property
    def accuracy(self) -> Spread:
        """Last epoch, percent."""
        return spread(self.accuracies)

    @property
    def nll(self) -> float:
        """Mean, nats."""
        return float(np.mean([scores.nll for scores in self.scores]))

    @property
    def ece(self) -> float:
        """Mean, percent."""
        return float(np.mean([scores.ece for scores in self.scores]))

    @property
    def parameters(self) -> int:
        """Of the deployed network."""
        return self.runs[0].cost.parameters

    @property
    def training_parameters(self) -> int:
        """With everything that is thrown away after training."""
        return self.runs[0].cost.training_parameters

    @property
    def seconds(self) -> float:
        """Of a run, mean."""
        return float(np.mean([run.cost.seconds for run in self.runs]))

    @property
    def images(self) -> int | None:
        """Images in the split, where all runs tell the same number."""
        match list({run.images.get(self.split) for run in self.runs}):
            case [int(count)] if count > 0:
                return count
            case _:
                return None

    @property
    def sampling(self) -> float | None:
        """Standard error of the accuracy by the choice of images, points."""
        return None if self.images is None else sampling_error(self.accuracy.mean, self.images)


@dataclass(frozen=True)
class Comparison:
    """A table's content; ``table`` renders it."""

    split: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    @property
    def control(self) -> str:
        """What differences are to."""
        return control_name(self.lines)


def control_name(lines: Sequence[Line]) -> str:
    """What differences are to: cross-entropy, or else the first of two rows."""
    return next((line.name for line in lines if line.is_control), SPOKEN)


def seeds_needed(*methods: str) -> int:
    """Runs that the rows of compared methods need, each, for a verdict."""
    return HEADLINE_SEEDS if HEADLINE in methods else FEWEST_SEEDS
