"""What the stages of a network make of an image: the value between inspection and figures."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


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
