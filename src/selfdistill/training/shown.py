"""Images that a report shows beside the attention."""

import io

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ..data import ImageSet, Preprocessing
from ..evaluation.leaning import leaning
from ..methods import Method
from ..runs import RunDirectory, replace_file


def write_shown(
    run: RunDirectory,
    method: Method,
    images: ImageSet,
    attention: Float[Tensor, "images blocks"] | None,
    preprocessing: Preprocessing,
) -> None:
    """Write the test images that lean most on each block, if the method weighs its blocks.

    Args:
        run: The run directory.
        method: The trained method.
        images: The test images.
        attention: Their shares.
        preprocessing: How images become what the network sees.
    """
    if attention is None:
        return
    found = leaning(method, images, attention, preprocessing)
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
