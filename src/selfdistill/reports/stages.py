"""What the stages of a network make of single images: as a table, as JSON and as a figure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from ..consoles import render_plain
from ..terminal import shown_name
from .figures import style
from .figures.attention import overlay_cam
from .inspected import InspectedImage, Stage
from .text import ABSENT

CELL = 1.25
"""Width of a cell of the figure, inches."""
MAX_LETTERS = 17
"""Of a line below a cell."""
MAX_IMAGES = 50


def stages_table(images: Sequence[InspectedImage]) -> str:
    """A plain table: a line for each stage of each image; no attention where there is none."""
    attention = _has_attention(images)
    table = Table(box=None)
    for heading in ("image", "block", *(["share"] if attention else []), "class", "probability"):
        right = heading in ("share", "probability")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for image in images:
        for i, (name, stage) in enumerate(zip(_stage_names(image), image.stages, strict=True)):
            share = ABSENT if stage.attention is None else f"{stage.attention:.1%}"
            label, probability = ABSENT, ABSENT
            if stage.prediction is not None:
                label, probability = stage.prediction[0], f"{stage.prediction[1]:.1%}"
            first = "" if i else image.name
            cells = (first, name, *([share] if attention else []), label, probability)
            # as a plain string a name in brackets would be read as markup
            table.add_row(*(Text(shown_name(cell)) for cell in cells))
    return "\n".join(line.rstrip() for line in render_plain(table, width=120).splitlines())


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
                for name, stage in zip(_stage_names(image), image.stages, strict=True)
            ],
        }
        for image in images
    ]
    return json.dumps(content, indent=1, ensure_ascii=False)


def stages_figure(images: Sequence[InspectedImage]) -> bytes:
    """A PNG: a row for each image, with CAM, attention and prediction of each stage."""
    if len(images) > MAX_IMAGES:
        raise ValueError(
            f"{len(images)} pictures are too many for one figure: {MAX_IMAGES} at most"
        )
    with style.house_style():
        files = style.fit_names(
            [PurePath(image.name).name for image in images], MAX_LETTERS, lines=2
        )
        classes = _class_names(images)
        columns = 1 + len(images[0].stages)
        lines = max(
            2,
            *map(style.line_count, files),
            *(style.line_count(name) + 1 for name in classes.values()),
        )
        row = CELL + 0.13 * (lines - 2) + (0.54 if _has_attention(images) else 0.36)
        figure = Figure(figsize=(CELL * columns, 0.3 + row * len(images)), layout="constrained")
        figure.set_facecolor("white")
        panels = figure.subplots(len(images), columns, squeeze=False)
        for cells, image, file in zip(panels, images, files, strict=True):
            _show(cells[0], image.pixels, file)
            for panel, stage in zip(cells[1:], image.stages, strict=True):
                _draw(panel, image.pixels, stage, classes)
                panel.xaxis.labelpad = 13 if _has_attention(images) else 4
        for panel, title in zip(panels[0], ("image", *_stage_names(images[0])), strict=True):
            panel.set_title(title, fontsize=9)
        return style.png(figure)


def _stage_names(image: InspectedImage) -> list[str]:
    return [*(f"block {number}" for number in range(1, len(image.stages))), "network"]


def _has_attention(images: Sequence[InspectedImage]) -> bool:
    return any(stage.attention is not None for image in images for stage in image.stages)


def _class_names(images: Sequence[InspectedImage]) -> dict[str, str]:
    """The predicted classes, as they fit below a cell."""
    predictions = [stage.prediction for image in images for stage in image.stages]
    names = list(dict.fromkeys(one[0] for one in predictions if one is not None))
    return dict(zip(names, style.fit_names(names, MAX_LETTERS), strict=True))


def _show(panel: Axes, pixels: NDArray[np.uint8], label: str) -> None:
    smooth = "nearest" if max(pixels.shape) <= 96 else "antialiased"
    panel.imshow(pixels, interpolation=smooth)
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_xlabel(label, fontsize=8)
    panel.grid(visible=False)


def _draw(panel: Axes, pixels: NDArray[np.uint8], stage: Stage, classes: Mapping[str, str]) -> None:
    label = "no exit"
    if stage.prediction is not None:
        label = f"{classes[stage.prediction[0]]}\n{stage.prediction[1]:.0%}"
    cam = np.zeros(pixels.shape[:2], np.uint8) if stage.cam is None else stage.cam
    _show(panel, overlay_cam(pixels, cam), label)
    if not cam.any():
        note = "no map" if stage.cam is None else "nothing speaks\nfor the class"
        panel.text(0.5, 0.5, note, color="white", ha="center", va="center",
                   transform=panel.transAxes)  # fmt: skip
    if stage.attention is not None:
        bar = panel.inset_axes((0, -0.13, 0.7, 0.09))
        bar.barh(0, 1, color=style.FAINT)
        bar.barh(0, stage.attention, color=style.PALETTE[0])
        bar.set_xlim(0, 1)
        bar.axis("off")
        bar.text(1.06, 0, f"{stage.attention:.0%}", ha="left", va="center", fontsize=8)
