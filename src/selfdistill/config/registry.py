"""What a name on the command line can stand for, and the nearest name for what is misspelt."""

import difflib
import inspect
from collections.abc import Iterable

from torch import optim
from torch.optim import lr_scheduler

from ..data import DATA_SETS
from ..data.mixing import CutMix, Mixup
from ..data.style_mixing import StyleMixing
from ..methods import METHODS
from .class_paths import open_class

MIXINGS = (Mixup, CutMix, StyleMixing)
NO_CHOICES = (
    *("LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler"),
    *("ReduceLROnPlateau", "LBFGS", "SparseAdam"),
)
"""Schedules that take functions or other schedules, what cannot step without an argument, and what
takes sparse gradients alone."""
RISE_BY_THEMSELVES = ("OneCycleLR", "CyclicLR")
"""Schedules that need no warm-up."""


def _classes(module: object, base: type) -> dict[str, type]:
    """Public classes that settings can make."""
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
        if not name.startswith("_") and name not in NO_CHOICES
    }


CLASSES: dict[str, dict[str, type]] = {
    "method": {method.__name__: method for method in METHODS},
    "data": {source.__name__: source for source in DATA_SETS},
    "mixing": {mixing.__name__: mixing for mixing in MIXINGS},
    "optimizer": _classes(optim, optim.Optimizer),
    "schedule": _classes(lr_scheduler, lr_scheduler.LRScheduler),
}
NOUNS = {"data": "data set"}
SUPPLIED = ("self", "backbone", "params", "optimizer")


def exact_name(group: str, name: str) -> str:
    """A class's exact name, whatever its case; class paths pass as they are.

    Raises:
        ValueError: If there is none; it names the nearest, or the file that is missing.
    """
    if "{" in name:
        return name
    if "." in name:
        open_class(group, name)
        return name
    known = {choice.lower(): choice for choice in CLASSES[group]}
    plain = name.lower().replace("-", "").replace("_", "")
    if plain not in known:
        raise ValueError(
            f"--{group} {name}: no such {NOUNS.get(group, group)}; {nearest(name, CLASSES[group])}"
        )
    return known[plain]


def class_options(group: str, name: str | None = None) -> dict[str, object]:
    """Options of a class, or of every class of a group, with their annotations."""
    chosen = CLASSES[group]
    return {
        option: parameter.annotation
        for choice in ([chosen[name]] if name in chosen else chosen.values())
        for option, parameter in inspect.signature(choice).parameters.items()
        if option not in SUPPLIED
    }


def class_defaults(choice: type) -> dict[str, object]:
    """Defaults of a class's options; ``Parameter.empty`` for those that must be given."""
    parameters = inspect.signature(choice).parameters
    return {name: p.default for name, p in parameters.items() if name not in SUPPLIED}


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the most similar name, or at all of them."""
    by_lower = {name.lower(): name for name in known}
    similar = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if similar:
        return f"did you mean {by_lower[similar[0]]}?"
    return f"known are {', '.join(sorted(by_lower.values()))}"
