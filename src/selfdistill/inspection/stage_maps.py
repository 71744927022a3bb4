"""CAM, attention and prediction of each stage of a trained network for single images."""

from collections.abc import Sequence
from pathlib import Path

import torch

from ..config import Execution
from ..data.images import read_image
from ..evaluation import class_activation
from ..reports import InspectedImage, Stage
from ..runs import RunDirectory
from .finished_run import FinishedRun


def inspect_images(
    path: Path, files: Sequence[Path], *, execution: Execution | None = None
) -> list[InspectedImage]:
    """CAM, attention and prediction of each stage for each image.

    A method without exits and attention shows the network alone. The images that it was trained
    with are not needed.

    Args:
        path: The run directory.
        files: The pictures.
        execution: Where it is looked at.

    Raises:
        ValueError: If the run is not finished, or a file is no image that can be read.
    """
    finished = FinishedRun(RunDirectory(path), execution=execution)
    inspected: list[InspectedImage] = []
    for file in files:
        image = finished.preprocessing(read_image(file))
        activation = class_activation(finished.method, image[None].to(finished.device))
        exits, attention = activation.inspection
        maps = activation.maps
        if attention is None and not any(name.startswith("exit") for name in exits):
            maps = maps[-1:]  # nothing is said of the shallow stages
        stages: list[Stage] = []
        for number, cam in enumerate(maps, 1):
            deepest = number == len(maps)
            exit = "network" if deepest else f"exit{number}"
            logits = exits.get(exit)
            prediction = None
            if logits is not None:
                scaled = logits[0].float() / finished.temperatures.get(exit, 1.0)
                probability, position = scaled.softmax(0).max(0)
                prediction = finished.classes[int(position)], float(probability)
            stages.append(
                Stage(
                    None if attention is None or deepest else float(attention[0, number - 1]),
                    None if cam is None else (255 * cam[0]).round().to(torch.uint8).cpu().numpy(),
                    prediction,
                )
            )
        pixels = finished.preprocessing.pixels(image).permute(1, 2, 0).numpy()
        inspected.append(InspectedImage(str(file), pixels, tuple(stages)))
    return inspected
