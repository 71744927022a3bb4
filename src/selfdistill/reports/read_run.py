"""Finished runs read from their directories or from copies of their summaries."""

import math
from collections.abc import Mapping
from pathlib import Path

from ..runs import (
    SCORED_SPLITS,
    SUMMARY,
    SUMMARY_FORMAT,
    Fields,
    RunDirectory,
    flatten,
    read_json,
    read_lines,
    read_summary,
    summary_file,
)
from .run import Cost, Scores, StoredRun

HASH_LENGTH = 8
ADDED_FIELDS: Fields = {
    "backbone.stages": None,
    "mixing": None,
    "adversary": None,
    "backbone_lr_scale": 1,
    "balance": "none",
    "balance_beta": None,
    "decay_biases": True,
    "drop_last": True,
    "patience": None,
    "select": "accuracy",
    "init": None,
}
"""Fields that older recipes lack, with the values that they imply."""


def read(path: Path) -> StoredRun:
    """Read a finished run.

    Args:
        path: A run directory, or a copy of its ``summary.json``.

    Raises:
        ValueError: If there is no such run, it is unfinished, or the file is no
            summary or damaged.
    """
    file = summary_file(path)
    if path.is_dir() and not file.exists():
        raise ValueError(_why_absent(RunDirectory(path)))
    if not file.exists():
        raise ValueError(f"there is no run at {path}; name a run directory or a summary file")
    run = parse(read_summary(file).values, path)
    for split, scores in run.scores.items():
        if not 0 <= scores.accuracy <= 100:
            raise ValueError(f"{file} is damaged: its {split} accuracy is {scores.accuracy} %")
    return run


def parse(summary: Mapping[str, object], path: Path) -> StoredRun:
    """Build a run from its decoded ``summary.json``; a ValueError says what is wrong with it."""
    file = summary_file(path)
    try:
        if summary["format"] != SUMMARY_FORMAT:
            raise ValueError(
                f"{file} has summary format {summary['format']!r}, and this version reads "
                f"{SUMMARY_FORMAT}; install the version of selfdistill that wrote it"
            )
        fields = {**ADDED_FIELDS, **flatten(_mapping(summary["recipe"]))}
        fields["data.split_hash"] = str(summary["split_hash"])[-HASH_LENGTH:]
        if not isinstance(fields["method.class_path"], str):
            raise TypeError(f"its method is {fields['method.class_path']!r:.40}")
        cost, weights = _mapping(summary["cost"]), summary.get("weights")
        return StoredRun(
            path=path,
            summary=summary,
            seed=_integer(fields.pop("seed")),
            fields=fields,
            weights=None if weights is None else str(weights),
            environment=_mapping(summary["environment"]),
            scores={s: _scores(summary[s]) for s in SCORED_SPLITS if summary[s] is not None},
            cost=Cost(
                seconds=_number(cost["seconds"]),
                images_per_second=_number(cost["images_per_second"]),
                parameters=_integer(cost["parameters"]),
                training_parameters=_integer(cost["training_parameters"]),
            ),
        )
    except KeyError as error:
        raise ValueError(f"{file} is not a summary of a run: it lacks {error}") from None
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{file} is not a summary of a run: {error}") from None


def logged_epochs(path: Path) -> str:
    """How many epochs an unfinished run has logged, in brackets, to follow a message."""
    log = RunDirectory(path).log_file
    try:
        lines = read_lines(log) if log.is_file() else []
    except ValueError:
        return ""  # the message is about the summary already
    return f" (it has logged {lines[-1].get('epoch')} epochs)" if lines else ""


def _why_absent(run: RunDirectory) -> str:
    if run.failure_file.exists():
        failure = read_json(run.failure_file).values
        return (
            f"{run.path} ended in epoch {failure.get('epoch')}, its loss not finite at learning "
            f"rate {failure.get('lr')}: train it anew with other settings"
        )
    if run.recipe_file.exists():
        return (
            f"{run.path} is unfinished: repeat its train command to resume it, then compare "
            f"(it has no {SUMMARY})"
        )
    return f"{run.path} is no run: it has no {SUMMARY}; name run directories or summary files"


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r:.40} stands where fields belong")
    return {str(key): element for key, element in value.items()}


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} stands where a number belongs")
    return float(value)


def _integer(value: object) -> int:
    number = _number(value)
    if not math.isfinite(number):
        raise TypeError(f"{number} stands where a whole number belongs")
    return int(number)


def _scores(split: object) -> Scores:
    network = _mapping(_mapping(_mapping(split)["last"])["network"])
    return Scores(*(_number(network[name]) for name in ("accuracy", "nll", "ece")))
