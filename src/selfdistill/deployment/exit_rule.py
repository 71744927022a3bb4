"""When a network may stop: the rule of a model folder, ``exits.json``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..evaluation import CONFIDENCE, MAX_TEMPERATURE, MIN_TEMPERATURE
from ..runs import EXIT_RULE, read_sealed, write_sealed

FORMAT = 1
PromiseKind = Literal["max_drop", "risk", "budget"]
MAX_IMAGES = 1 << 40


@dataclass(frozen=True)
class ExitPromise:
    """What thresholds were fitted to.

    Args:
        kind: ``max_drop``: points of accuracy that may be lost; ``risk``: share of wrong answers
            among early ones; ``budget``: mean multiply-adds as a share of the network's.
        value: How many points, or which share.
    """

    kind: PromiseKind
    value: float

    def __str__(self) -> str:
        if self.kind == "max_drop":
            return f"accuracy at most {self.value:g} points below the network's"
        if self.kind == "budget":
            return f"at most {100 * self.value:.3g} % of the network's multiply-adds, on average"
        return (
            f"at most {100 * self.value:.3g} % of each exit's answers wrong "
            f"({CONFIDENCE:.0%} confidence)"
        )


@dataclass(frozen=True)
class ExitRule:
    """Where a network may stop, and how sure it has to be there.

    Args:
        exits: Names of the exits that are asked, in their order; without the network.
        thresholds: An image leaves at an exit whose most probable class is more probable than
            that, at temperature 1.
        temperatures: What each exit's logits are divided by for probabilities; the network's last.
        promise: What the thresholds were fitted to.
        images: How many validation images they were fitted on.
    """

    exits: tuple[str, ...]
    thresholds: tuple[float, ...]
    temperatures: tuple[float, ...]
    promise: ExitPromise
    images: int


def write_exit_rule(folder: Path, rule: ExitRule) -> None:
    """Write a rule into a model folder."""
    fields = {
        "format": FORMAT,
        "exits": rule.exits,
        "thresholds": rule.thresholds,
        "temperatures": rule.temperatures,
        "promise": vars(rule.promise),
        "images": rule.images,
    }
    write_sealed(folder / EXIT_RULE, fields)


def read_exit_rule(folder: Path) -> ExitRule:
    """Read the rule of a model folder.

    Raises:
        ValueError: If there is none, or it is damaged; the message names the file.
    """
    file = folder / EXIT_RULE
    if not file.exists():
        raise ValueError(
            f"{file} is missing: fit where to stop with `selfdistill exits RUN --risk 5%`"
        )
    try:
        return _parse(file)
    except ValueError as error:
        raise ValueError(f"{error}, or fit it again with `selfdistill exits`") from None


def _parse(file: Path) -> ExitRule:
    stored = read_sealed(file)
    if stored.integer("format", 1) > FORMAT:
        raise ValueError(f"{file} is of a newer version: update selfdistill")
    names = stored.list("exits")
    exits = tuple(name for name in names if isinstance(name, str))
    if not exits or len(set(exits)) != len(names):
        stored.refuse("exits", "names of exits, each once")
    thresholds = stored.numbers("thresholds", len(exits))
    if not all(0 <= one <= 1 for one in thresholds):
        stored.refuse("thresholds", "numbers within 0 to 1")
    temperatures = stored.numbers("temperatures", len(exits) + 1)
    if not all(MIN_TEMPERATURE <= one <= MAX_TEMPERATURE for one in temperatures):
        stored.refuse("temperatures", f"numbers within {MIN_TEMPERATURE:g} to {MAX_TEMPERATURE:g}")
    promise = stored.section("promise")
    kind = promise.text("kind")
    known: tuple[PromiseKind, ...] = get_args(PromiseKind)
    if kind not in known:
        promise.refuse("kind", " or ".join(known))
    return ExitRule(
        exits,
        thresholds,
        temperatures,
        ExitPromise(kind, promise.number("value", 0, 100)),
        stored.integer("images", 1, MAX_IMAGES),
    )
