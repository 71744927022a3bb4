"""What a run says of one picture, as a piece of a page."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .page import template
from .sections.attention import overlay_cam


class ExitOpinion(NamedTuple):
    """What one exit says."""

    name: str
    probability: float
    """Of the class ``name``, in [0, 1]."""
    cam: NDArray[np.uint8] | None
    """Where its stage looks, ``height × width``, 255 the most; None where there is no map."""


class Opinion(NamedTuple):
    """What a run says of one picture."""

    pixels: NDArray[np.uint8]
    """``height × width × 3``, as the network sees it."""
    classes: Sequence[tuple[str, float]]
    """The network's most probable classes with their probabilities, best first."""
    exits: Mapping[str, ExitOpinion]
    """By exit, cheap to dear."""
    stops_at: str | None = None
    """The exit at which it leaves early, or ``network``; None where no rule was fitted."""


def opinion_html(opinion: Opinion) -> str:
    """The picture as it is seen, the map, classes with bars, and a line for each exit."""
    cam = opinion.exits["network"].cam
    return template("opinion.html").render(
        picture=_address(opinion.pixels),
        small=max(opinion.pixels.shape) <= 96,
        map=None if cam is None else _address(overlay_cam(opinion.pixels, cam)),
        classes=opinion.classes,
        exits={
            name: (
                exit_,
                None if exit_.cam is None else _address(overlay_cam(opinion.pixels, exit_.cam)),
            )
            for name, exit_ in opinion.exits.items()
        },
        stops_at=opinion.stops_at,
    )


def _address(pixels: NDArray[np.uint8]) -> str:
    """A picture as an address that holds it."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
