"""What a recipe's augmentation does, as a picture."""

from pathlib import Path

from ..data import Pipeline
from ..data.sheet import augmentation_sheet
from .parser import parse


def draw_augmentation(words: list[str], path: Path) -> None:
    """Write a sheet of training images beside what the first epochs show of them.

    Args:
        words: Settings, as ``train`` takes them.
        path: Where the PNG goes.

    Raises:
        ValueError: If the settings are wrong or the data are missing.
    """
    recipe = parse(words).recipe.build()
    splits = recipe.data.splits()
    pipeline = Pipeline(recipe.augment, splits.preprocessing)
    augmentation_sheet(splits, pipeline, mixing=recipe.mixing, seed=recipe.seed, path=path)
