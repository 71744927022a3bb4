"""Anybody's pictures: a folder of class folders."""

import warnings
from pathlib import Path
from typing import ClassVar

import torch

from .folder_layout import Layout, Picked, divide, find_pictures, name_some
from .image_set import DataSet, ImageSet, Splits, channel_statistics
from .square_cache import Squares, decoded

MARGIN = 0.875
"""Share of the stored square's side that evaluation looks at."""
SMALL = 64


class ImageFolder(DataSet):
    """A folder of class folders, or ``train``, ``val`` and ``test`` folders of these.

    Class folders only are divided at random, class by class. Of ``train`` and ``val`` (or ``valid``
    or ``validation``; or ``test``) the second is the test split, and validation is carved from
    train. All three are taken as they are.

    Each picture is decoded once: turned upright, its shorter side scaled to ``image_size / 0.875``
    pixels, its centre cut to a square, which the cache keeps. Random crops are therefore taken from
    that square: they never see the ends of a long picture, nor more detail than the square has.
    Pictures of up to 64 pixels are kept without that margin. Pictures that cannot be read are left
    out with a warning.

    Args:
        root: The folder.
        image_size: Height and width of what the network sees, in pixels; at least 8.
        cache_dir: Where decoded pictures are kept; None for ``SELFDISTILL_CACHE`` or, without it,
            the user's cache folder.
        split_seed: Decides which picture belongs to which split, where the folder does not.
        validation_share: Share of each class set aside for validation, where there is no such
            folder; 0 for none.
        test_share: Share of each class set aside as the test split, where there is no such folder.

    Raises:
        ValueError: If the size or a share is out of range.

    Example:
        >>> ImageFolder(root="photos", image_size=224).splits()  # doctest: +SKIP
    """

    places: ClassVar[tuple[str, ...]] = ("root", "cache_dir")

    def __init__(
        self,
        *,
        root: str | Path,
        image_size: int = 224,
        cache_dir: str | Path | None = None,
        split_seed: int = 0,
        validation_share: float = 0.15,
        test_share: float = 0.15,
    ) -> None:
        if image_size < 8:
            raise ValueError(f"image size {image_size} must be at least 8 pixels")
        if validation_share < 0 or test_share <= 0 or validation_share + test_share >= 1:
            raise ValueError(
                f"validation share {validation_share} must be 0 or more, test share {test_share} "
                "above 0, and together they must leave something to train on"
            )
        self.root = Path(root)
        self.image_size = image_size
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self.split_seed = split_seed
        self.validation_share = validation_share
        self.test_share = test_share

    def splits(self) -> Splits:
        """List, divide, decode.

        Raises:
            ValueError: If the folder cannot be divided, more than one file in twenty cannot be
                read, or a class has too few pictures left.
        """
        layout = find_pictures(self.root)
        parts = self._divide(layout)
        squares = self._decode(layout, parts)
        layout.without(squares.refused)
        if squares.refused:
            warnings.warn(
                f"{len(squares.refused)} of {len(layout.files())} files in {self.root} cannot be "
                f"read and are left out: {name_some(squares.refused)}",
                stacklevel=2,
            )
        sets, files = _image_sets(parts, layout.classes, squares)
        mean, std = channel_statistics(sets["train"].images)
        return Splits(
            sets["train"],
            sets.get("validation"),
            sets["test"],
            mean,
            std,
            note=f"{self.root}: {layout.note}",
            files=files,
            input_size=self.image_size,
        )

    def _divide(self, layout: Layout) -> dict[str, Picked]:
        if "all" in layout.parts:
            shares = (self.test_share, self.validation_share)
            test, validation, train = divide(layout.parts["all"], shares, self.split_seed)
        elif "validation" in layout.parts:
            return layout.parts
        else:
            test = layout.parts["test"]
            share = (self.validation_share,)
            validation, train = divide(layout.parts["train"], share, self.split_seed)
        parts = {"train": train, "validation": validation, "test": test}
        return parts if self.validation_share else {"train": train, "test": test}

    def _decode(self, layout: Layout, parts: dict[str, Picked]) -> Squares:
        small = self.image_size <= SMALL
        # Stored split after split, so that each split is a stretch of the map, not a copy.
        return decoded(
            self.root,
            [name for part in parts.values() for names in part.values() for name in names],
            size=self.image_size if small else round(self.image_size / MARGIN),
            key=f"{layout.note} {self.split_seed} {self.validation_share} {self.test_share}",
            cache_dir=self.cache_dir,
        )


def _image_sets(
    parts: dict[str, Picked], classes: tuple[str, ...], squares: Squares
) -> tuple[dict[str, ImageSet], dict[str, tuple[str, ...]]]:
    label = {
        name: i for part in parts.values() for i, key in enumerate(classes) for name in part[key]
    }
    labels = torch.tensor([label[name] for name in squares.names])
    sets: dict[str, ImageSet] = {}
    files: dict[str, tuple[str, ...]] = {}
    start = 0
    for part, picked in parts.items():
        belonging = {name for names in picked.values() for name in names}
        count = sum(name in belonging for name in squares.names)
        stretch = slice(start, start + count)
        files[part] = squares.names[stretch]
        sets[part] = ImageSet(squares.images[stretch], labels[stretch], classes)
        start += count
    return sets, files
