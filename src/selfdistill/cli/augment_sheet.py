"""The ``augment`` command's picture: training images, and what the first epochs show of them."""

import io
from pathlib import Path

import torch
from PIL import Image
from torch.nn.functional import pad

from ..config import parse
from ..data import Batches, Mixing, Pipeline, Splits
from ..pairing import Partner
from ..preprocessing import center
from ..runs import replace_file

EPOCHS = 6
"""Shown of each image, here and in docs/training_options.md."""
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
    epochs: int = EPOCHS,
) -> None:
    """Write training images, a row each, as evaluation sees them and as the first epochs do.

    They stand evenly spaced in the training split; the seed is training's: epochs are a run's.
    """
    train = splits.train
    if not 1 <= images <= len(train) or epochs < 1:
        raise ValueError(
            f"images {images} must be within 1 to {len(train)}, epochs {epochs} at least 1"
        )
    chosen = torch.arange(images, device=train.labels.device) * len(train) // images
    batches = Batches(
        train,
        pipeline=pipeline,
        partner=Partner.NONE,
        batch_size=images,
        seed=seed,
        mixing=mixing,
    )
    columns = [train.images[chosen]]
    for epoch in range(epochs):
        seen = batches.epoch(epoch).assemble(chosen).images
        columns.append(pipeline.preprocessing.pixels(seen))
    height, width = columns[1].shape[2:]
    columns[0] = center(pipeline.preprocessing.center(columns[0]), (height, width))
    enlarged = max(1, MIN_SIDE // height)
    cells = torch.stack([column.cpu() for column in columns], 1)
    cells = cells.repeat_interleave(enlarged, 3).repeat_interleave(enlarged, 4)
    cells = pad(cells, (GAP,) * 4, value=255)
    rows = cells.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)
    content = io.BytesIO()
    Image.fromarray(rows.contiguous().numpy()).save(content, format="PNG")
    replace_file(path, content.getvalue())
