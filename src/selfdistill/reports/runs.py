"""Finished runs, read from disk."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..runs import SUMMARY, RunDirectory, read_json, read_summary, summary_file
from .labels import Fields, flatten

FORMAT = 1
HASH_LENGTH = 8
ADDED: Fields = {
    "backbone.stages": None,
    "mixing": None,
    "adversary": None,
    "backbone_lr_scale": 1,
    "decay_biases": True,
    "init": None,
}
"""Fields that recipes gained, each with what a recipe without it meant."""


@dataclass(frozen=True)
class Scores:
    """What the deployed network reached on one split after the last epoch."""

    accuracy: float
    """Percent."""
    nll: float
    """Nats."""
    ece: float
    """Percent."""


@dataclass(frozen=True)
class Cost:
    """What a run took."""

    seconds: float
    images_per_second: float
    parameters: int
    """Of the deployed network."""
    training_parameters: int
    """With everything that is thrown away after training."""


@dataclass(frozen=True)
class Summary:
    """The part of a finished run that tables rest on."""

    path: Path
    seed: int
    fields: Fields
    """The recipe but its seed, as flat fields, and ``data.split_hash`` in short."""
    weights: str | None
    """Hash of the trained network, by which recipes of other runs name it."""
    environment: Mapping[str, object]
    images: Mapping[str, object]
    """Images in each split, where the summary tells."""
    scores: Mapping[str, Scores]
    """By split: ``validation``, ``test``; a split that was not read is absent."""
    cost: Cost

    @property
    def method(self) -> str:
        """The method's name."""
        return str(self.fields["method.class_path"]).rpartition(".")[2]


def read(path: Path) -> Summary:
    """Read a finished run.

    Args:
        path: A run directory, or a copy of its ``summary.json``.

    Raises:
        ValueError: If there is no such run, it is unfinished, or the file is no summary.
    """
    return parse(read_content(path), path)


def read_content(path: Path) -> dict[str, object]:
    """What the summary of a finished run holds, as :func:`read` takes it.

    Raises:
        ValueError: If there is no such run, it is unfinished, or its summary is damaged.
    """
    file = summary_file(path)
    if path.is_dir() and not file.exists():
        raise ValueError(_why_absent(path))
    if not file.exists():
        raise ValueError(f"there is no run at {path}; name a run directory or a summary file")
    return read_summary(file).values


def parse(content: object, path: Path) -> Summary:
    """Make a summary of a decoded ``summary.json``.

    Args:
        content: What the file holds.
        path: Where it came from, for messages.

    Raises:
        ValueError: If a field is missing, or the format is another one.
    """
    try:
        fields = _mapping(content)
        if fields["format"] != FORMAT:
            raise ValueError(
                f"{summary_file(path)} has summary format {fields['format']!r}, and this version "
                f"reads {FORMAT}; install the version of selfdistill that wrote it"
            )
        return _summary(fields, path)
    except KeyError as error:
        raise ValueError(
            f"{summary_file(path)} is not a summary of a run: it lacks {error}"
        ) from None
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{summary_file(path)} is not a summary of a run: {error}") from None


def _why_absent(directory: Path) -> str:
    run = RunDirectory(directory)
    if run.failure_file.exists():
        failure = read_json(run.failure_file).values
        return (
            f"{directory} ended in epoch {failure.get('epoch')}, its loss not finite at learning "
            f"rate {failure.get('lr')}: train it anew with other settings"
        )
    if run.recipe_file.exists():
        return (
            f"{directory} is unfinished: repeat its train command to resume it, then compare "
            f"(it has no {SUMMARY})"
        )
    return f"{directory} is no run: it has no {SUMMARY}; name run directories or summary files"


def _summary(content: Mapping[str, object], path: Path) -> Summary:
    fields = {**ADDED, **flatten(_mapping(content["recipe"]))}
    fields["data.split_hash"] = str(content["split_hash"])[-HASH_LENGTH:]
    if not isinstance(fields["method.class_path"], str):
        raise TypeError(f"its method is {fields['method.class_path']!r:.40}")
    cost, weights = _mapping(content["cost"]), content.get("weights")
    return Summary(
        path=path,
        seed=_whole(fields.pop("seed")),
        fields=fields,
        weights=None if weights is None else str(weights),
        environment=_mapping(content["environment"]),
        images=_mapping(content.get("images", {})),
        scores={
            split: _scores(_mapping(content[split]))
            for split in ("validation", "test")
            if content[split] is not None
        },
        cost=Cost(
            seconds=_number(cost["seconds"]),
            images_per_second=_number(cost["images_per_second"]),
            parameters=_whole(cost["parameters"]),
            training_parameters=_whole(cost["training_parameters"]),
        ),
    )


def _scores(split: Mapping[str, object]) -> Scores:
    network = _mapping(_mapping(split["last"])["network"])
    return Scores(_number(network["accuracy"]), _number(network["nll"]), _number(network["ece"]))


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r:.40} stands where fields belong")
    return {str(key): element for key, element in value.items()}


def _whole(value: object) -> int:
    number = _number(value)
    if not math.isfinite(number):
        raise TypeError(f"{number} stands where a whole number belongs")
    return int(number)


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} stands where a number belongs")
    return float(value)
