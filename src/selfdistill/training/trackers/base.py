"""What a tracker does, which there are, and what they are told."""

from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from ...config import nearest
from ...runs import Scalar

Ending = Literal["finished", "stopped", "failed"]
"""How a process ended: with the run, by a signal after which the run can go on, or by an error."""
NEEDED = {
    "tensorboard": ("tensorboard",),
    "wandb": ("wandb",),
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
}
"""Modules that each tracker needs."""
AXES = ("epoch", "step", "seconds")
"""Fields of a log line that say when, not how well."""


class TrackedRun(NamedTuple):
    """What a tracker knows of a run when it is opened."""

    folder: Path
    """The run directory."""
    identity: str
    """By which the run is found again, however often it goes on."""
    name: str
    """What the run is called, for people."""
    options: dict[str, Scalar]
    """The recipe, as dotted options."""


class Tracker(ABC):
    """One library's record of a run: opened by its construction, then given all epochs in order.

    It may be given epochs that it knows from an earlier process; they count once.
    """

    where: str
    """Where a person finds the record."""

    @abstractmethod
    def log(self, epoch: int, values: dict[str, float], moment: float) -> None:
        """Record an epoch, counted from 1, that ended so many seconds after 1970."""

    @abstractmethod
    def score(self, epoch: int, values: dict[str, float]) -> None:
        """Record the scores of the finished run, reached after so many epochs."""

    @abstractmethod
    def close(self, ending: Ending) -> None:
        """Write all that is left to write."""


def known_names(logger: str | None) -> list[str]:
    """Split the names of trackers in a text at its commas; None stands for none."""
    if logger is None:
        return []
    names = list(dict.fromkeys(name.strip().lower() for name in logger.split(",")))
    for name in names:
        if name not in NEEDED:
            raise ValueError(f"--logger {name}: no such tracker; {nearest(name, NEEDED)}")
        for module in NEEDED[name]:
            spec = find_spec(module)
            if spec is None or spec.origin is None:  # a mere folder ./wandb has no origin
                raise ValueError(
                    f'--logger {name} needs {module}: pip install "selfdistill[{name}]"'
                )
    return names


def figures(values: object, name: str = "") -> dict[str, float]:
    """The numbers among nested values, by names with slashes; lists are numbered from 1.

    ``{"loss": 2.0, "attention": [0.3, 0.7], "note": "warm"}`` becomes
    ``{"loss": 2.0, "attention/1": 0.3, "attention/2": 0.7}``.
    """
    if isinstance(values, list):
        values = {str(position): element for position, element in enumerate(values, 1)}
    if isinstance(values, dict):
        return {
            key: value
            for field, part in values.items()
            for key, value in figures(part, f"{name}/{field}".lstrip("/")).items()
        }
    return {name: float(values)} if isinstance(values, int | float) else {}


def epoch_figures(line: dict[str, object]) -> dict[str, float]:
    """What a line of the log says about how well its epoch went."""
    return figures({field: value for field, value in line.items() if field not in AXES})
