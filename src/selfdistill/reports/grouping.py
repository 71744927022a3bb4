"""Which runs make a row of a table, and the shortest names that tell rows apart."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from functools import partial
from itertools import pairwise

from ..runs import HASH_PREFIX, Fields, Scalar
from .run import StoredRun

Runs = Sequence[StoredRun]
Value = tuple[bool, Scalar]
"""Whether a recipe has a field, and its value."""

METHOD = "method.class_path"
KINDS = ("class_path", "name")
"""Names of fields that say what a part of a recipe is; its other fields depend on it."""


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
    labels = Labels([row[0].fields for row in rows]).rows()
    named = list(zip(labels, rows, strict=True))
    makers = {run.weights: label for label, row in named for run in row if run.weights is not None}
    readable = labels  # with the row that made them in place of hashes of weights
    for weights, maker in makers.items():
        readable = [label.replace(weights, maker) for label in readable]
    return dict(zip(readable if len(set(readable)) == len(rows) else labels, rows, strict=True))


def _by_weights(runs: Runs, made_by: Mapping[str, StoredRun]) -> list[Runs]:
    """Split runs by the weights that they name into as few rows as possible."""
    for known in ({}, made_by):
        parts = _partition(runs, partial(_recipe, made_by=known))
        if all(_is_row(part, made_by) for part in parts):
            return parts
    return _partition(runs, lambda run: frozenset(run.fields.items()))


def _is_row(runs: Runs, made_by: Mapping[str, StoredRun]) -> bool:
    """Whether the weights are the same in all runs, or different ones for each seed."""
    weights = [tuple(_named_weights(run).values()) for run in runs]
    known = [run for run, names in zip(runs, weights, strict=True) if made_by.keys() >= set(names)]
    return (
        len({run.seed for run in runs}) == len(runs)
        and len(set(weights)) in (1, len(runs))
        and len({_recipe(run, made_by) for run in known}) <= 1
    )


def _partition(runs: Runs, key: Callable[[StoredRun], Hashable]) -> list[Runs]:
    parts: dict[Hashable, list[StoredRun]] = {}
    for run in runs:
        parts.setdefault(key(run), []).append(run)
    return list(parts.values())


def _recipe(run: StoredRun, made_by: Mapping[str, StoredRun]) -> Hashable:
    """Key of a recipe without its seed; weights count by the recipe that made them, if known."""
    named = _named_weights(run)
    known = {k: _recipe(made_by[v], made_by) for k, v in named.items() if v in made_by}
    return frozenset({**run.fields, **dict.fromkeys(named, HASH_PREFIX), **known}.items())


def _named_weights(run: StoredRun) -> dict[str, str]:
    """Hashes of weights that the run starts or learns from, by field."""
    values = {key: str(value) for key, value in run.fields.items()}
    return {key: value for key, value in values.items() if value.startswith(HASH_PREFIX)}


def differing_parts(one: Fields, other: Fields, *, ignore: Set[str]) -> list[str]:
    """Name the parts of a recipe in which two differ, such as ``augment`` or ``batch_size``."""
    keys = (key for key in (*one, *other) if _value(one, key) != _value(other, key))
    parts = dict.fromkeys(key.split(".")[0] for key in keys)
    return [part for part in parts if part not in ignore]


class Labels:
    """Names of rows by their method and by the fields that differ from the commonest value.

    A field is compared among rows that have it in common: a temperature among rows of the same
    method, momentum among rows of the same optimizer. Where no value is the commonest, all are
    named.
    """

    def __init__(self, recipes: Sequence[Fields]) -> None:
        self._recipes = recipes
        keys = dict.fromkeys(key for one in recipes for key in one if key != METHOD)
        commonest = {
            key: [
                _commonest(_value(peer, key) for peer in self._peers(key, one)) for one in recipes
            ]
            for key in keys
            if any(_value(one, key) != _value(recipes[0], key) for one in recipes)
        }
        self._commonest: dict[str, list[Value | None]] = {
            key: values
            for key, values in commonest.items()
            if any(_value(one, key) != v for one, v in zip(recipes, values, strict=True))
        }
        """Of each field that differs from it, by row; None in a tie."""
        self._names = _shortest({_display(key) for key in self._commonest})
        self._classes = _shortest(
            {str(one[key]) for one in recipes for key in one if key.endswith("class_path")}
        )

    def rows(self) -> list[str]:
        """The label of each row."""
        return [
            " ".join(
                [
                    self._classes[str(one[METHOD])],
                    *(
                        self._word(key, one)
                        for key, values in self._commonest.items()
                        if _value(one, key) != values[i] and (key in one or values[i] is not None)
                    ),
                ]
            )
            for i, one in enumerate(self._recipes)
        ]

    def left_out(self) -> str:
        """The commonest values, which labels leave out; empty if there are none."""
        by_scope: dict[str, dict[str, None]] = {}
        for key, values in self._commonest.items():
            for one, value in zip(self._recipes, values, strict=True):
                alike = all(_value(peer, key) == value for peer in self._peers(key, one))
                if key in one and _value(one, key) == value and not alike:
                    scope = self._classes[str(one[METHOD])] if key.startswith("method.") else ""
                    by_scope.setdefault(scope, {})[self._word(key, one)] = None
        return "; ".join(f"{scope} {' '.join(words)}".strip() for scope, words in by_scope.items())

    def _peers(self, key: str, recipe: Fields) -> list[Fields]:
        """Recipes comparable in a field: the part that holds it is of the same kind."""
        parts = key.split(".")
        kinds = [".".join([*parts[:d], kind]) for d in range(1, len(parts)) for kind in KINDS]
        if key in kinds:  # a class decides which names there are
            kinds = kinds[: kinds.index(key)]
        return [o for o in self._recipes if all(_value(recipe, k) == _value(o, k) for k in kinds)]

    def _word(self, key: str, recipe: Fields) -> str:
        """A field with its value, as in ``temperature=3``."""
        name = self._names[_display(key)]
        if key not in recipe:
            return f"no {name}"
        value = recipe[key]
        if isinstance(value, str):
            return f"{name}={self._classes.get(value, value)}"
        if value is None or isinstance(value, bool):
            return f"{name}={str(value).lower()}"
        return f"{name}={int(value) if float(value).is_integer() else value}"


def _value(recipe: Fields, key: str) -> Value:
    return key in recipe, recipe.get(key)


def _commonest(values: Iterable[Value]) -> Value | None:
    first, *others = Counter(values).most_common(2)
    return None if others and others[0][1] == first[1] else first[0]


def _display(key: str) -> str:
    """The part that a field names: ``backbone`` for ``backbone.name``."""
    parent, _, last = key.rpartition(".")
    return parent if parent and last in KINDS else key


def _shortest(paths: Set[str]) -> dict[str, str]:
    """Give each dotted path its shortest ending that no other path shares."""
    endings = {path: _endings(path) for path in paths}
    owners = Counter(ending for own in endings.values() for ending in own)
    return {
        path: next((e for e in own if owners[e] == 1 and not e[:1].isdigit()), path)
        for path, own in endings.items()
    }


def _endings(path: str) -> list[str]:
    """The dotted endings of a path, from its last part to itself."""
    parts = path.split(".")
    return [".".join(parts[start:]) for start in reversed(range(len(parts)))]
