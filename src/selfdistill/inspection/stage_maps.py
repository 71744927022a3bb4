"""CAM, attention and prediction of each stage of a trained network for single images."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ..config import Execution
from ..data.images import read_image
from ..deployment import load
from ..evaluation import Activation, class_activation
from ..reports import InspectedImage, Stage
from ..runs import RunDirectory
from .finished_run import FinishedRun


def inspect_images(
    path: Path, files: Sequence[Path], *, execution: Execution | None = None
) -> list[InspectedImage]:
    """CAM, attention and prediction of each stage for each image.

    The images that it was trained with are not needed.

    Args:
        path: The run directory.
        files: The pictures.
        execution: Where it is looked at.

    Raises:
        ValueError: If the run is not finished, its method has neither exits nor attention, or a
            file is no image that can be read.
    """
    finished = FinishedRun(RunDirectory(path), execution=execution)
    model = load(path, network=finished.method.backbone.network)
    inspected: list[InspectedImage] = []
    for file in files:
        image = model.transform(read_image(file))
        activation = class_activation(finished.method, image[None].to(finished.device))
        _refuse_without_stages(type(finished.method).__name__, activation)
        pixels = finished.preprocessing.pixels(image)
        stages = _stages(activation, finished.classes)
        inspected.append(InspectedImage(str(file), pixels.permute(1, 2, 0).numpy(), stages))
    return inspected


def _refuse_without_stages(name: str, activation: Activation) -> None:
    exits, attention = activation.inspection
    if attention is None and not any(exit.startswith("exit") for exit in exits):
        raise ValueError(
            f"{name} has neither exits nor attention to show: BYOT, SKDSAM and SKDSAMReleased do"
        )


def _stages(activation: Activation, classes: tuple[str, ...]) -> tuple[Stage, ...]:
    exits, attention = activation.inspection
    stages = len(activation.maps)
    names = [*(f"exit{number}" for number in range(1, stages)), "network"]
    return tuple(
        Stage(
            None if attention is None or place + 1 == stages else float(attention[0, place]),
            None if cam is None else (255 * cam[0]).round().to(torch.uint8).cpu().numpy(),
            _prediction(exits[name], classes) if name in exits else None,
        )
        for place, (name, cam) in enumerate(zip(names, activation.maps, strict=True))
    )


def _prediction(logits: Float[Tensor, "1 classes"], classes: tuple[str, ...]) -> tuple[str, float]:
    probability, position = logits[0].float().softmax(0).max(0)
    return classes[int(position)], float(probability)
