"""One run examined: what its network says of each image of a split, and some of the images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..terminal import shown_name
from .predictions import Numbers, TestPredictions
from .run import ClassScore, StoredRun

MAX_MISTAKES = 24
"""Mistakes that are shown as pictures, the surest first."""
MAX_OF_WEAKEST = 6
"""Further mistakes of the weakest class that are shown."""

MAX_DOUBTFUL_SHARE = 0.25
"""Of the labels: data sets are better than this; where more are suspect, the network errs."""


class ExaminedPicture(NamedTuple):
    """An image, and where the network looks for the class that it says."""

    position: int
    """In the split."""
    pixels: NDArray[np.uint8]
    """``height × width × 3``."""
    cam: NDArray[np.uint8] | None
    """Class-activation map, ``height × width``, 255 the most; None where there is none."""
    cells: tuple[int, int] | None
    """Rows and columns of the map before it was enlarged."""


class Scaled(NamedTuple):
    """The network's probabilities at the temperature that is stored with it."""

    temperature: float
    probabilities: Numbers
    """``images × classes``."""
    scores: Mapping[str, float]


@dataclass(frozen=True)
class ExaminedRun:
    """A finished run and what it says of the images of a split."""

    run: StoredRun
    split: str
    class_names: tuple[str, ...]
    files: tuple[str, ...]
    """Of the images; empty where they have none."""
    labels: NDArray[np.int64]
    """``images``."""
    probabilities: Numbers
    """Of the network, ``images × classes``."""
    guesses: Mapping[str, NDArray[np.int64]]
    """The class that each exit holds most probable; ``network`` first."""
    scores: Mapping[str, Mapping[str, float]]
    """All scores by exit."""
    classes: tuple[ClassScore, ...]
    """The network's scores by class."""
    attention: NDArray[np.float32] | None
    """Of the shallow stages, ``images × stages``."""
    suspects: tuple[int, ...]
    """Positions of images that speak against their label, those that do so most first."""
    scaled: Scaled | None
    pictures: tuple[ExaminedPicture, ...] = ()

    def with_pictures(self, pictures: Sequence[ExaminedPicture]) -> "ExaminedRun":
        """The same with pictures."""
        return replace(self, pictures=tuple(pictures))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, safe to show."""
        return tuple(shown_name(name) for name in self.class_names)

    @property
    def said(self) -> NDArray[np.int64]:
        """The class that the network holds most probable."""
        return self.guesses["network"]

    @cached_property
    def predictions(self) -> TestPredictions:
        """The network's predictions, as reports of test images have them."""
        return self._reduced(self.probabilities)

    @cached_property
    def scaled_predictions(self) -> TestPredictions | None:
        """The same at the temperature that is stored with the network."""
        return None if self.scaled is None else self._reduced(self.scaled.probabilities)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Images by label (row) and by what the network says (column)."""
        number = len(self.class_names)
        pairs = self.labels * number + self.said
        return np.bincount(pairs, minlength=number**2).reshape(number, number)

    @property
    def doubtful(self) -> tuple[int, ...] | None:
        """Positions of images whose label is doubtful; None where the network is what is wrong."""
        share = len(self.suspects) / len(self.labels)
        return self.suspects if share <= MAX_DOUBTFUL_SHARE else None

    @property
    def mistakes(self) -> NDArray[np.int64]:
        """Positions of the images that the network gets wrong, the surest of them first."""
        wrong = np.flatnonzero(self.said != self.labels)
        return wrong[np.argsort(-self.predictions.confidence[wrong], kind="stable")]

    @cached_property
    def by_class(self) -> dict[int, ClassScore]:
        """Scores of each class that has images, by position, the weakest (by F1) first."""
        occurring = [k for k, of in enumerate(self.classes) if of.images]
        return {
            k: self.classes[k] for k in sorted(occurring, key=lambda k: self.classes[k].f1 or 0)
        }

    def name(self, position: int) -> str:
        """The file of an image; its position where it has none."""
        if len(self.files) == len(self.labels):
            return shown_name(self.files[position])
        return f"no.\u00a0{position}"

    def _reduced(self, probabilities: Numbers) -> TestPredictions:
        return TestPredictions(
            labels=self.labels,
            classes=probabilities.argmax(1),
            confidence=probabilities.max(1),
            num_classes=len(self.class_names),
            attention=None,
        )


def pictures_shown(examined: ExaminedRun) -> list[int]:
    """Positions of the images that a page shows: the surest mistakes, and the weakest class's."""
    mistakes = examined.mistakes.tolist()
    first = mistakes[:MAX_MISTAKES]
    return first + mistakes_of_weakest(examined, mistakes[MAX_MISTAKES:])


def mistakes_of_weakest(examined: ExaminedRun, positions: Sequence[int]) -> list[int]:
    """Those of these images that are of the class with the lowest F1."""
    weakest = next(iter(examined.by_class), None)
    return [k for k in positions if examined.labels[k] == weakest][:MAX_OF_WEAKEST]


def share_interval(hits: int, images: int) -> tuple[float, float]:
    """95 % interval of a share, percent (Wilson 1927), by the choice of the images."""
    from scipy.stats import binomtest  # slow to load, and not needed to train

    interval = binomtest(hits, images).proportion_ci(0.95, method="wilson")
    return 100 * float(interval.low), 100 * float(interval.high)
