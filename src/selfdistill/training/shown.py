"""Images that a report shows beside the attention."""

import io

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ..data import ImageSet
from ..evaluation.leaning import leaning
from ..methods import Method
from ..runs import RunDirectory, replace_file

Triple = tuple[float, float, float]


def write_shown(
    run: RunDirectory,
    method: Method,
    images: ImageSet,
    attention: Float[Tensor, "images blocks"] | None,
    *,
    mean: Triple,
    std: Triple,
    input_size: int | None,
) -> None:
    """Write the test images that lean most on each block, if the method weighs its blocks.

    Args:
        run: The run directory.
        method: The trained method.
        images: The test images.
        attention: Their shares.
        mean: Mean of each channel, in units of pixels in [0, 1].
        std: Standard deviation of each channel, in the same units.
        input_size: Height and width of the centre that is classified; None for the whole image.
    """
    if attention is None:
        return
    found = leaning(method, images, attention, mean=mean, std=std, input_size=input_size)
    if found is None:
        return
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        images=found.images.permute(0, 2, 3, 1).numpy(),
        indices=found.indices.numpy(),
        block=found.block.numpy(),
        cams=found.cams.numpy(),
    )
    replace_file(run.shown_file, buffer.getvalue())
