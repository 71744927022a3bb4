"""What the stages of a network make of single images, as a figure."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .inspected import InspectedImage, Stage, has_attention
from .sections import style
from .sections.attention import overlay_cam

CELL = 1.25
"""Width of a cell of the figure, inches."""
MAX_LETTERS = 17
"""Of a line below a cell."""
MAX_IMAGES = 50


def stages_figure(images: Sequence[InspectedImage]) -> bytes:
    """A PNG: a row for each image, with CAM, attention and prediction of each stage."""
    if len(images) > MAX_IMAGES:
        count = len(images)
        raise ValueError(f"{count} pictures are too many for one figure: {MAX_IMAGES} at most")
    with style.house_style():
        files = style.fit_names(
            [PurePath(image.name).name for image in images], MAX_LETTERS, lines=2
        )
        predictions = (stage.prediction for image in images for stage in image.stages)
        names = list(dict.fromkeys(one[0] for one in predictions if one is not None))
        classes = dict(zip(names, style.fit_names(names, MAX_LETTERS), strict=True))
        attention = has_attention(images)
        columns = 1 + len(images[0].stages)
        lines = max(
            2,
            *map(style.line_count, files),
            *(style.line_count(name) + 1 for name in classes.values()),
        )
        row = CELL + 0.13 * (lines - 2) + (0.54 if attention else 0.36)
        figure = Figure(figsize=(CELL * columns, 0.3 + row * len(images)), layout="constrained")
        figure.set_facecolor("white")
        panels = figure.subplots(len(images), columns, squeeze=False)
        for cells, image, file in zip(panels, images, files, strict=True):
            _show(cells[0], image.pixels, file)
            for panel, stage in zip(cells[1:], image.stages, strict=True):
                _draw(panel, image.pixels, stage, classes)
                panel.xaxis.labelpad = 13 if attention else 4
        for panel, title in zip(panels[0], ("image", *images[0].stage_names), strict=True):
            panel.set_title(title, fontsize=9)
        return style.png(figure)


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
