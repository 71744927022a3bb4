"""The classes that recipes name, by short name or by path."""

import difflib
import inspect
import sys
from collections.abc import Iterable, Iterator

from torch import optim
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from ..data import DATA_SETS, Augmentation, CutMix, DataSet, Mixing, Mixup, StyleMixing
from ..methods import METHODS, Method
from .user_code import named

KINDS: dict[str, type] = {
    "data": DataSet,
    "method": Method,
    "augment": Augmentation,
    "mixing": Mixing,
    "optimizer": Optimizer,
    "schedule": LRScheduler,
}
"""What the class of each field of a recipe is derived from."""
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
    "optimizer": _classes(optim, Optimizer),
    "schedule": _classes(lr_scheduler, LRScheduler),
}
NOUNS = {"data": "data set", "augment": "augmentation"}
SUPPLIED = ("self", "backbone", "params", "optimizer")
"""Arguments that training passes itself."""
PACKAGES = ("selfdistill.", "torch.")


def find_class(group: str, path: str) -> type:
    """The class that a recipe names; a path is imported if it may be.

    Raises:
        ValueError: If there is none, or it is not of the kind that the field takes.
    """
    kind = KINDS[group]
    if "." in path:
        found = named(path)
        if not (inspect.isclass(found) and issubclass(found, kind)):
            raise ValueError(f"--{group} {path}: it is not a subclass of {kind.__name__}")
        return found
    imported = (one for one in subclasses(kind) if not inspect.isabstract(one))
    known = {one.__name__: one for one in imported} | CLASSES.get(group, {})
    if path not in known:
        noun = NOUNS.get(group, group)
        raise ValueError(f"--{group} {path}: no such {noun}; {nearest(path, known)}")
    return known[path]


def subclasses(kind: type) -> Iterator[type]:
    """All classes derived from one that are imported."""
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def stored_name(group: str, kind: type) -> str:
    """What recipes call a class: this package's by name, others by their shortest path."""
    path = _import_path(kind)
    known = group == "augment" or kind.__name__ in CLASSES[group]
    return kind.__name__ if known and path.startswith("selfdistill.") else path


def _import_path(kind: type) -> str:
    parts = kind.__module__.split(".")
    for length in range(1, len(parts) + 1):
        module = ".".join(parts[:length])
        if getattr(sys.modules.get(module), kind.__qualname__, None) is kind:
            return f"{module}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def class_name(path: str) -> str:
    """A class's plain name, if it is one of this package or torch; else its path."""
    return path.rpartition(".")[2] if path.startswith(PACKAGES) else path


def exact_name(group: str, name: str) -> str:
    """A class's exact name, whatever its case; class paths pass as they are.

    Raises:
        ValueError: If there is none; it names the nearest, or the file that is missing.
    """
    if "{" in name:
        return name
    if "." in name:
        find_class(group, name)
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
    chosen = CLASSES.get(group) or {kind.__name__: kind for kind in subclasses(KINDS[group])}
    return {
        option: parameter.annotation
        for choice in ([chosen[name]] if name in chosen else chosen.values())
        for option, parameter in inspect.signature(choice).parameters.items()
        if option not in SUPPLIED
    }


def class_defaults(choice: type) -> dict[str, object]:
    """Defaults of a class's options; ``Parameter.empty`` for those that must be given."""
    parameters = inspect.signature(choice).parameters
    return {
        name: p.default
        for name, p in parameters.items()
        if name not in SUPPLIED and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the most similar name, or at all of them."""
    by_lower = {name.lower(): name for name in known}
    similar = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if similar:
        return f"did you mean {by_lower[similar[0]]}?"
    return f"known are {', '.join(sorted(by_lower.values()))}"
