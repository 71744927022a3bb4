"""The classes that recipes name, by short name or by path."""

import difflib
import inspect
import sys
from collections.abc import Iterable, Iterator

from torch import optim
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from ..data import DATA_SETS, Augmentation, DataSet, Mixing, augment
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
SINGLE = frozenset(KINDS) - {"augment"}
"""Fields that hold one class; augment holds a list of them."""
NO_CHOICES = (
    *("LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler"),
    *("ReduceLROnPlateau", "LBFGS", "SparseAdam"),
)
"""Schedules that take functions or other schedules, what cannot step without an argument, and what
takes sparse gradients alone."""
RISE_BY_THEMSELVES = ("OneCycleLR", "CyclicLR")
"""Schedules that need no warm-up."""
NOUNS = {"data": "data set", "augment": "augmentation"}
SUPPLIED = ("self", "backbone", "params", "optimizer")
"""Arguments that training passes itself."""
PACKAGES = ("selfdistill.", "torch.")
FORMER = {
    "places": "path_arguments",
    "turns_images": "rotates_images",
    "columns": "draws_per_image",
}
"""Attributes that classes of one's own may still set by their former names."""


def _public(module: object, base: type) -> dict[str, type]:
    """Classes of a module that settings can make."""
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
        if not name.startswith("_") and name not in NO_CHOICES
    }


CLASSES: dict[str, dict[str, type]] = {
    "method": {method.__name__: method for method in METHODS},
    "data": {source.__name__: source for source in DATA_SETS},
    "augment": _public(augment, Augmentation),
    "mixing": _public(augment, Mixing),
    "optimizer": _public(optim, Optimizer),
    "schedule": _public(lr_scheduler, LRScheduler),
}
"""The classes that a plain name stands for."""


def find_class(group: str, path: str) -> type:
    """The class that a recipe names: ours or torch's by name, any other by a path to import."""
    kind = KINDS[group]
    if "." not in path:
        known = {k.__name__: k for k in subclasses(kind) if k.__module__.startswith(PACKAGES)}
        found = CLASSES[group].get(path) or known.get(path)  # torch's that take functions, too
        if found is None or inspect.isabstract(found):
            raise ValueError(_no_such(group, path))
        return found
    found = named(path)
    if not (inspect.isclass(found) and issubclass(found, kind)):
        raise ValueError(f"--{group} {path}: it is not a subclass of {kind.__name__}")
    for old, new in FORMER.items():
        declared = hasattr(kind, new) or new in inspect.get_annotations(kind)
        same = getattr(found, new, None) is getattr(kind, new, None)
        if declared and same and hasattr(found, old):  # an option may bear the former name
            raise ValueError(f"--{group} {path}: {old} is called {new} now: rename it there")
    return found


def subclasses(kind: type) -> Iterator[type]:
    """All classes derived from one that are imported."""
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def stored_name(group: str, kind: type) -> str:
    """What recipes call a class: this package's by name, others by their shortest path."""
    if CLASSES[group].get(kind.__name__) is kind and kind.__module__.startswith("selfdistill."):
        return kind.__name__
    parts = kind.__module__.split(".")
    modules = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    known = (m for m in modules if getattr(sys.modules.get(m), kind.__qualname__, None) is kind)
    return f"{next(known, kind.__module__)}.{kind.__qualname__}"


def class_name(path: str) -> str:
    """A class's plain name, if it is one of this package or torch; else its path."""
    return path.rpartition(".")[2] if path.startswith(PACKAGES) else path


def exact_name(group: str, name: str) -> str:
    """A class's exact name, whatever its case; class paths pass as they are."""
    if "{" in name:
        return name
    if "." in name:
        find_class(group, name)
        return name
    known = {choice.lower(): choice for choice in CLASSES[group]}
    plain = name.lower().replace("-", "").replace("_", "")
    if plain not in known:
        raise ValueError(_no_such(group, name))
    return known[plain]


def _no_such(group: str, name: str) -> str:
    return f"--{group} {name}: no such {NOUNS.get(group, group)}; {nearest(name, CLASSES[group])}"


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
