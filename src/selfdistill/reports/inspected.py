"""One run looked at closely: scores of its exits and on corrupted images, and its stages."""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from ..consoles import render_plain
from ..terminal import shown_name
from .text import ABSENT

SCORES = {
    "accuracy": "accuracy %",
    "top5": "top-5 %",
    "macro_accuracy": "macro %",
    "macro_f1": "macro F1 %",
    "nll": "NLL",
    "ece": "ECE %",
    "brier": "Brier",
}
SCALED = {"temperature": "temperature", "scaled_nll": "scaled NLL", "scaled_ece": "scaled ECE %"}
"""With logits divided by a temperature."""
CLASS_SCORES = {"precision": "precision %", "recall": "recall %", "f1": "F1 %"}
MAX_CLASSES, WORST_CLASSES = 20, 10
"""Classes that are all shown, and how many are shown of more."""


class Stage(NamedTuple):
    """CAM, attention and prediction of one stage for one image."""

    attention: float | None
    """In [0, 1]; None for the deepest stage, and for methods without attention."""
    cam: NDArray[np.uint8] | None
    """Class activation map, ``height × width``, 255 the most; None where there is none."""
    prediction: tuple[str, float] | None
    """The most probable class of the stage's exit and its probability; None without an exit."""


class InspectedImage(NamedTuple):
    """An image with what each stage makes of it."""

    name: str
    pixels: NDArray[np.uint8]
    """``height × width × 3``, as the network sees it."""
    stages: tuple[Stage, ...]
    """Shallow to deep; the last is the network's own."""

    @property
    def stage_names(self) -> list[str]:
        """Names of the stages."""
        return [*(f"block {number}" for number in range(1, len(self.stages))), "network"]


def exit_table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """A plain table: a line for each exit, a column for each score.

    Where exits have temperatures, these follow, with what is scored with them.
    """
    known = {field for of in scores.values() for field in of}
    shown = {field: title for field, title in (SCORES | SCALED).items() if field in known}
    rows = (
        (name, *(f"{of[field]:.3f}" if field in of else ABSENT for field in shown))
        for name, of in scores.items()
    )
    return plain_table(["exit", *shown.values()], rows, width=120)


def class_table(classes: Mapping[str, Mapping[str, int | float | None]]) -> str:
    """A plain table: a line for each class, its images and scores; of many, those of lowest F1.

    Args:
        classes: ``images``, ``precision``, ``recall``, ``f1`` by class; None where there is none.
    """
    occurring = {name: of for name, of in classes.items() if of["images"]}
    chosen, below = occurring, ""
    if len(occurring) > MAX_CLASSES:
        ascending = sorted(occurring, key=lambda name: (occurring[name]["f1"] or 0.0, name))
        chosen = {name: occurring[name] for name in ascending[:WORST_CLASSES]}
        below = (
            f"\nThe {WORST_CLASSES} of {len(occurring)} classes with the lowest F1; --format json "
            "has all."
        )
    rows = (
        (name, f"{of['images']:.0f}", *(f"{of[field]:.1f}" for field in CLASS_SCORES))
        for name, of in chosen.items()
    )
    return plain_table(["class", "images", *CLASS_SCORES.values()], rows) + below


def corruption_table(accuracies: Mapping[str, Mapping[str, float]]) -> str:
    """A plain table: a line for each corruption, a column for each severity, and the means.

    Args:
        accuracies: In percent, by corruption and severity.
    """
    severities = list(next(iter(accuracies.values())))
    values = np.array(
        [[levels[severity] for severity in severities] for levels in accuracies.values()]
    )
    values = np.vstack([values, values.mean(0)])
    values = np.hstack([values, values.mean(1, keepdims=True)])
    names = [name.replace("_", " ") for name in (*accuracies, "mean")]
    rows = ((name, *map("{:.2f}".format, row)) for name, row in zip(names, values, strict=True))
    return plain_table(["corruption, severity", *severities, "mean"], rows)


def stages_table(images: Sequence[InspectedImage]) -> str:
    """A plain table: a line for each stage of each image; no attention where there is none."""
    attention = has_attention(images)
    rows: list[list[str]] = []
    for image in images:
        for i, (name, stage) in enumerate(zip(image.stage_names, image.stages, strict=True)):
            label, probability = stage.prediction or (ABSENT, None)
            share = [_percent(stage.attention)] if attention else []
            rows.append(["" if i else image.name, name, *share, label, _percent(probability)])
    headings = ["image", "block", *(["share"] if attention else []), "class", "probability"]
    table = plain_table(headings, rows, words={"image", "block", "class"}, width=120)
    return "\n".join(line.rstrip() for line in table.splitlines())


def stages_json(images: Sequence[InspectedImage]) -> str:
    """The same as JSON."""
    content = [
        {
            "image": image.name,
            "blocks": [
                {
                    "block": name,
                    "share": stage.attention,
                    "class": stage.prediction and stage.prediction[0],
                    "probability": stage.prediction and stage.prediction[1],
                }
                for name, stage in zip(image.stage_names, image.stages, strict=True)
            ],
        }
        for image in images
    ]
    return json.dumps(content, indent=1, ensure_ascii=False)


def has_attention(images: Sequence[InspectedImage]) -> bool:
    """Whether any stage has attention."""
    return any(stage.attention is not None for image in images for stage in image.stages)


def _percent(share: float | None) -> str:
    return ABSENT if share is None else f"{share:.1%}"


def plain_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Set[str] = frozenset(),
    width: int = 100,
) -> str:
    """A table without lines; the first column is words, and so are those that are named."""
    table = Table(box=None)
    for i, heading in enumerate(headings):
        right = i > 0 and heading not in words
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        # as a plain string a name in brackets would be read as markup
        table.add_row(*(Text(shown_name(cell)) for cell in row))
    return render_plain(table, width=width)
