"""What a tracker does, whichever library keeps its records."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal, NamedTuple

from .flat import Scalar

Ending = Literal["finished", "stopped", "failed"]
"""How a process ended: with the run, by a signal after which the run can go on, or by an error."""


class Followed(NamedTuple):
    """What a tracker is told of a run when it is opened."""

    folder: Path
    """The run directory."""
    identity: str
    """By which the run is found again, however often it goes on."""
    name: str
    """What the run is called, for people."""
    options: dict[str, Scalar]
    """The recipe, as dotted options."""


class Tracker(ABC):
    """One library's record of a run: opened by its construction, then told all epochs in order.

    It may be told epochs that it knows from an earlier process; they count once.
    """

    where: str
    """Where a person finds the record."""

    @abstractmethod
    def log(self, epoch: int, values: dict[str, float], moment: float) -> None:
        """Record an epoch's figures.

        Args:
            epoch: From 1.
            values: The figures by name.
            moment: When the epoch ended, in seconds since 1970.
        """

    @abstractmethod
    def score(self, epoch: int, values: dict[str, float]) -> None:
        """Record the scores of the finished run, reached after so many epochs."""

    @abstractmethod
    def close(self, ending: Ending) -> None:
        """Write all that is left to write."""
