"""The ``augment`` command's picture: training images, and what the first epochs show of them."""

import io
from pathlib import Path

import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from ..config import parse
from ..data import Batches, ImageSet, Mixing, Pipeline, Splits
from ..pairing import Partner
from ..preprocessing import Pixels, center
from ..runs import replace_file

GAP = 2
"""White pixels around each image."""
MIN_SIDE = 96
"""Smaller images are enlarged to about this height."""


def draw_augmentation(words: list[str], path: Path) -> None:
    """Write the sheet of a recipe and its further options, as ``train`` takes them, as a PNG."""
    recipe = parse(words).recipe.build()
    splits = recipe.data.splits()
    pipeline = Pipeline(recipe.augment, splits.preprocessing)
    augmentation_sheet(splits, pipeline, mixing=recipe.mixing, seed=recipe.seed, path=path)


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

    Images that are kept larger than the epochs show them stand there as evaluation sees them. Rows
    stand evenly spaced in the training split; the seed is training's, so that epochs are a run's.
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
    channels, height = cells.shape[2:4]
    rows = cells.permute(0, 3, 1, 4, 2).reshape(images * height, -1, channels)
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
    times = max(1, MIN_SIDE // images.shape[2])
    large = images.repeat_interleave(times, 2).repeat_interleave(times, 3)
    return pad(large, (GAP,) * 4, value=255)
