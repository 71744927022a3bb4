"""Runs gathered into rows that differ only in the seed, and in weights that come with it."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from itertools import pairwise

from .labels import labels
from .runs import Summary

WEIGHTS = "sha256:"
"""What begins a hash of trained weights in a recipe."""
NOBODY: Mapping[str, Summary] = {}


Runs = Sequence[Summary]


def group(summaries: Runs) -> dict[str, Runs]:
    """Gather runs into rows by label, in the order in which each recipe's first run comes.

    Weights that a run starts or learns from may belong to its seed, such as those of a teacher
    that is trained anew for each. They separate rows only where they do not: where some seeds
    share them, where a seed comes with several, or where runs of different recipes made them.

    Returns:
        The runs of each row in the order of their seeds, at least one.

    Raises:
        ValueError: If two runs of a row have the same seed.
    """
    made_by = {run.weights: run for run in summaries if run.weights is not None}
    rows = [
        sorted(row, key=lambda run: run.seed)
        for alike in _parted(summaries, partial(_recipe, made_by=NOBODY))
        for row in _by_weights(alike, made_by)
    ]
    for one, other in (pair for row in rows for pair in pairwise(row)):
        if one.seed == other.seed:
            raise ValueError(
                f"{one.path} and {other.path} are the same run twice (seed {one.seed}); name one"
            )
    names = _with_makers(labels([row[0].fields for row in rows]), rows)
    return dict(zip(names, rows, strict=True))


def _by_weights(runs: Runs, made_by: Mapping[str, Summary]) -> list[Runs]:
    """Part runs by the weights that they name, as little as makes rows."""
    for known in (NOBODY, made_by):
        parts = _parted(runs, partial(_recipe, made_by=known))
        if all(_is_row(part, made_by) for part in parts):
            return parts
    return _parted(runs, lambda run: frozenset(run.fields.items()))


def _is_row(runs: Runs, made_by: Mapping[str, Summary]) -> bool:
    """Whether weights are either the same in all runs or belong to each seed."""
    weights = [tuple(_named_weights(run).values()) for run in runs]
    known = [run for run, names in zip(runs, weights, strict=True) if made_by.keys() >= set(names)]
    return (
        len({run.seed for run in runs}) == len(runs)
        and len(set(weights)) in (1, len(runs))
        and len({_recipe(run, made_by) for run in known}) <= 1
    )


def _parted(runs: Runs, key: Callable[[Summary], Hashable]) -> list[Runs]:
    parts: dict[Hashable, list[Summary]] = {}
    for run in runs:
        parts.setdefault(key(run), []).append(run)
    return list(parts.values())


def _recipe(run: Summary, made_by: Mapping[str, Summary]) -> Hashable:
    """All but the seed; weights by the recipe that made them where it is known, or as such."""
    named = _named_weights(run)
    known = {k: _recipe(made_by[v], made_by) for k, v in named.items() if v in made_by}
    return frozenset({**run.fields, **dict.fromkeys(named, WEIGHTS), **known}.items())


def _named_weights(run: Summary) -> dict[str, str]:
    """Hashes of weights that the run starts or learns from, by field."""
    values = {key: str(value) for key, value in run.fields.items()}
    return {key: value for key, value in values.items() if value.startswith(WEIGHTS)}


def _with_makers(names: list[str], rows: Sequence[Runs]) -> list[str]:
    """Name weights by the row that made them, where labels stay unique."""
    makers = {run.weights: name for name, row in zip(names, rows, strict=True) for run in row}
    makers.pop(None, None)
    told = list(names)
    for weights, maker in makers.items():
        told = [name.replace(str(weights), maker) for name in told]
    return told if len(set(told)) == len(told) else names
