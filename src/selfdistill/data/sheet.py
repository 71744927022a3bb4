"""A picture of what the network will see."""

import io
from pathlib import Path

import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from ..pairing import Partner
from ..preprocessing import center
from ..runs import replace_file
from .augment.base import Pixels
from .augment.mixing import Mixing
from .augment.pipeline import Pipeline
from .batches import Batches
from .image_set import ImageSet, Splits

_GAP = 2
_SIDE = 96


def augmentation_sheet(
    splits: Splits,
    pipeline: Pipeline,
    *,
    mixing: Mixing | None = None,
    seed: int,
    path: Path,
    images: int = 8,
    epochs: int = 7,
) -> None:
    """Write training images, a row each, as they are and as the first epochs show them.

    Images that are kept larger than the epochs show them stand there as evaluation sees them.

    Args:
        splits: Where the images come from; they stand evenly spaced in the training split.
        pipeline: What is done to each image.
        mixing: What each image is mixed with another by; None mixes nothing.
        seed: The seed of training: what is shown is what a run with it sees.
        path: Where the PNG goes.
        images: Rows, 1 or more and no more than there are training images.
        epochs: Columns beside the original, 1 or more.

    Raises:
        ValueError: If images or epochs are out of range.
        StorageFailure: If the picture cannot be written.
    """
    train = splits.train
    if not 1 <= images <= len(train) or epochs < 1:
        raise ValueError(
            f"images {images} must be within 1 to {len(train)}, epochs {epochs} at least 1"
        )
    chosen = torch.arange(images, device=train.labels.device) * len(train) // images
    originals, shown = train.images[chosen], _epochs(train, pipeline, mixing, seed, chosen, epochs)
    if originals.shape != shown[0].shape:
        originals = center(originals, (shown[0].shape[2], shown[0].shape[3]))
    columns = [originals, *shown]
    cells = torch.stack([_enlarge(column.cpu()) for column in columns], 1)
    _, _, channels, height, width = cells.shape
    rows = cells.permute(0, 3, 1, 4, 2).reshape(images * height, -1, channels)
    assert rows.shape[1] == len(columns) * width
    content = io.BytesIO()
    Image.fromarray(rows.contiguous().numpy()).save(content, format="PNG")
    replace_file(path, content.getvalue())


def _epochs(
    train: ImageSet,
    pipeline: Pipeline,
    mixing: Mixing | None,
    seed: int,
    chosen: Int64[Tensor, " rows"],
    epochs: int,
) -> list[Pixels]:
    batches = Batches(
        train,
        pipeline=pipeline,
        partner=Partner.NONE,
        batch_size=len(chosen),
        seed=seed,
        mixing=mixing,
    )
    shown = (batches.epoch(epoch).assemble(chosen).images for epoch in range(epochs))
    return [pipeline.preprocessing.pixels(images) for images in shown]


def _enlarge(images: Pixels) -> UInt8[Tensor, "batch channels taller wider"]:
    """Repeat the pixels of small images, and leave a white gap around each."""
    times = max(1, _SIDE // images.shape[2])
    large = images.repeat_interleave(times, 2).repeat_interleave(times, 3)
    return pad(large, (_GAP,) * 4, value=255)
