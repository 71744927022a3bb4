"""From a listing to splits: divide, decode, put together. The same for every source of pictures."""

import warnings
from pathlib import Path

import torch

from ...limits import check_image_size
from ..image_set import ImageSet, Splits, channel_statistics
from .cache import Squares, decoded
from .listing import Listing, Picked, divide, name_some

MARGIN = 0.875
"""Share of the stored square's side that evaluation looks at, about."""
SMALL = 64
DARK = 32
"""Value below which a byte is almost black."""


def stored_size(image_size: int) -> int:
    """Height and width of the squares that images of ``image_size`` are cut from.

    The margin is a multiple of 4 pixels: timm, which cuts the centre out of the whole picture, then
    rounds its place as cutting first the square and then its centre does.
    """
    if image_size <= SMALL:
        return image_size
    return image_size + 4 * round((image_size / MARGIN - image_size) / 4)


class Preparation:
    """How pictures of any size become splits of squares.

    Args:
        image_size: Height and width of what the network sees, in pixels; at least 8.
        cache_dir: Where decoded pictures are kept; None for the user's cache.
        split_seed: Decides which picture belongs to which split, where the listing does not.
        validation_share: Share of each class set aside for validation, where the listing has no
            such part; 0 for none.
        test_share: Share of each class set aside as the test split, where it has no such part.

    Raises:
        ValueError: If the size or a share is out of range.
    """

    def __init__(
        self,
        image_size: int,
        cache_dir: str | Path | None,
        split_seed: int,
        validation_share: float,
        test_share: float,
    ) -> None:
        if image_size < 8:
            raise ValueError(f"image size {image_size} must be at least 8 pixels")
        check_image_size(image_size, "image size")
        if validation_share < 0 or test_share <= 0 or validation_share + test_share >= 1:
            raise ValueError(
                f"validation share {validation_share} must be 0 or more, test share {test_share} "
                "above 0, and together they must leave something to train on"
            )
        self.image_size = image_size
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self.split_seed = split_seed
        self.validation_share = validation_share
        self.test_share = test_share

    def splits(self, listing: Listing) -> Splits:
        """Divide and decode what was listed.

        Raises:
            ValueError: If it cannot be divided, more than one picture in twenty cannot be read, or
                a class has too few left.
        """
        parts = self.divided(listing)
        squares = self._decode(listing, parts)
        where = listing.source.name
        sets, files = _image_sets(parts, listing.classes, squares)
        mean, std = channel_statistics(sets["train"].images)
        if max(mean) < DARK / 255 and int(sets["train"].images.max()) < DARK:
            warnings.warn(
                f"{where}: every training picture is almost black, no value above {DARK - 1} of "
                "255; files of 16 bits that use fewer, such as 12, are to be scaled up",
                stacklevel=3,
            )
        return Splits(
            sets["train"],
            sets.get("validation"),
            sets["test"],
            mean,
            std,
            note="; ".join(filter(None, (f"{where}: {listing.note}", listing.others))),
            files=files,
            input_size=self.image_size,
            own=True,
        )

    def parts(self, listing: Listing) -> dict[str, ImageSet]:
        """Decode what was listed, divided as it is.

        Raises:
            ValueError: If more than one picture in twenty cannot be read, or none can.
        """
        squares = self._decode(listing, listing.parts)
        classes = sorted({name for part in listing.parts.values() for name in part})
        sets, _ = _image_sets(listing.parts, tuple(classes), squares)
        return {name: part for name, part in sets.items() if len(part)}

    def divided(self, listing: Listing) -> dict[str, Picked]:
        """Names of pictures by class, of ``train``, ``test`` and, if any, ``validation``."""
        if "all" in listing.parts:
            shares = (self.test_share, self.validation_share)
            test, validation, train = divide(listing.parts["all"], shares, self.split_seed)
        elif "validation" in listing.parts:
            return listing.parts
        else:
            test = listing.parts["test"]
            share = (self.validation_share,)
            validation, train = divide(listing.parts["train"], share, self.split_seed)
        parts = {"train": train, "validation": validation, "test": test}
        return parts if self.validation_share else {"train": train, "test": test}

    def _decode(self, listing: Listing, parts: dict[str, Picked]) -> Squares:
        # Stored split after split, so that each split is a stretch of the map, not a copy.
        squares = decoded(
            listing.source,
            [name for part in parts.values() for names in part.values() for name in names],
            size=stored_size(self.image_size),
            key=f"{listing.note} {self.split_seed} {self.validation_share} {self.test_share}",
            cache_dir=self.cache_dir,
        )
        listing.without(squares.refused)
        if squares.refused:
            warnings.warn(
                f"{len(squares.refused)} of {len(listing.names())} files in {listing.source.name} "
                f"cannot be read and are left out: {name_some(squares.refused)}",
                stacklevel=4,
            )
        return squares


def _image_sets(
    parts: dict[str, Picked], classes: tuple[str, ...], squares: Squares
) -> tuple[dict[str, ImageSet], dict[str, tuple[str, ...]]]:
    label = {
        name: i
        for part in parts.values()
        for i, key in enumerate(classes)
        for name in part.get(key, ())
    }
    labels = torch.tensor([label[name] for name in squares.names])
    sets: dict[str, ImageSet] = {}
    files: dict[str, tuple[str, ...]] = {}
    start = 0
    for part, classes_of_part in parts.items():
        belonging = {name for names in classes_of_part.values() for name in names}
        count = sum(name in belonging for name in squares.names)
        stretch = slice(start, start + count)
        files[part] = squares.names[stretch]
        sets[part] = ImageSet(squares.images[stretch], labels[stretch], classes)
        start += count
    return sets, files
