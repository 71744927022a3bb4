"""From a listing to splits: divide, decode, put together; the same for every source of images.

For a network that sees 224 pixels, a picture's shorter side is scaled to 256 and the central square
of 256 is stored. Training's random crops are cut from that square and scaled to 224; without one,
and in evaluation and deployment, the network sees its central 224. Up to 64 pixels there is no
margin: the stored square is what the network sees. Neither is there one for pictures that are
padded or stretched, of which the network sees everything.
"""

import abc
import copy
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch

from ...limits import check_image_size
from ...preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ChannelValues,
    Fit,
    Preprocessing,
    share_shown,
)
from ...resizing import Size
from ...runs import SPLITS
from ..image_set import DataSet, ImageSet, Splits, channel_statistics
from ..splitting import ByClass, split_by_class
from .cache import Shape, load_cached
from .listing import Listing, name_some, names_in, without

SHARE = 0.875
"""Share of what is stored, along each side, that evaluation looks at, about."""
LEAST_SHARE = 0.8
"""The least share, where a size that is not square leaves no other."""
SMALL = 64
DARK = 32
"""Value below which a byte is almost black."""


def stored_size(size: Size) -> Size:
    """Height and width of what is stored of pictures that are cut, for networks that see ``size``.

    Both margins are multiples of 4: so our two crops (what is stored, then its centre) and timm's
    single crop start at the same pixel. Both follow from one share, as timm has it.
    """
    short, long = sorted(size)
    if long <= SMALL:
        return size
    nearest = short + 4 * round((short / SHARE - short) / 4)
    sides = range(short + 4, int(short / LEAST_SHARE) + 1, 4)
    for side in sorted(sides, key=lambda side: abs(side - nearest)):
        other = long + 4 * (((side - 1) * long // short - long) // 4 + 1)
        stored = (side, other) if size[0] == short else (other, side)
        share = share_shown(size, stored)
        if all(math.floor(n / share) == kept for n, kept in zip(size, stored, strict=True)):
            return stored
    return size


@dataclass(frozen=True, kw_only=True)
class OwnImages(DataSet):
    """Images of any size, listed by class and, where they say so, by split; decoded once.

    More than one in twenty that cannot be read are refused; fewer are left out with a warning.

    Args:
        image_size: Height and width of what the network sees, in pixels, as HEIGHTxWIDTH or, for
            squares, one number; at least 8.
        fit: What becomes of other proportions: crop cuts off what is too long, pad adds borders of
            the mean colour that the network expects, stretch scales each side by itself.
        cache_dir: Where decoded pictures are kept; None for ``SELFDISTILL_CACHE`` or, without it,
            the user's cache folder.
        split_seed: Decides which picture belongs to which split, where the data do not.
        validation_share: Share of each class set aside for validation, where the data set none
            aside; 0 for none.
        test_share: Share of each class set aside as the test split, where the data set none aside.
        duplicates: What becomes of pictures that are in two splits, the same to the pixel: drop
            leaves them out of training, or else of validation; keep trains on what is tested.
    """

    border: ClassVar[ChannelValues] = IMAGENET_MEAN
    """The mean colour that ``for_mean`` gives to borders."""

    image_size: int | tuple[int, int] = 224
    fit: Fit = "crop"
    cache_dir: str | Path | None = None
    split_seed: int = 0
    validation_share: float = 0.15
    test_share: float = 0.15
    duplicates: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        if min(self.size) < 8:
            raise ValueError(f"image size {self.image_size} must be at least 8 pixels")
        check_image_size(self.image_size, "image size")
        validation, test = self.validation_share, self.test_share
        if validation < 0 or test <= 0 or validation + test >= 1:
            raise ValueError(
                f"validation share {validation} must be 0 or more, test share {test} "
                "above 0, and together they must leave something to train on"
            )

    @property
    def size(self) -> Size:
        """Height and width of what the network sees."""
        size = self.image_size
        return (size, size) if isinstance(size, int) else size

    @property
    def stored(self) -> Size:
        """Height and width of what is stored."""
        return stored_size(self.size) if self.fit == "crop" else self.size

    def preprocessing(self, mean: ChannelValues, std: ChannelValues) -> Preprocessing:
        """How these pictures become a network's input."""
        share = share_shown(self.size, self.stored)
        return Preprocessing(self.size, mean, std, share, fit=self.fit)

    def for_mean(self, mean: ChannelValues) -> "OwnImages":
        other = copy.copy(self)
        object.__setattr__(other, "border", mean)
        return other

    @abc.abstractmethod
    def listing(self, *, for_training: bool = True) -> Listing:
        """List the images; unless for training, splits stay as they are and no class needs any.

        Raises:
            ValueError: If they are missing, or it is not clear what they are divided into.
        """

    def splits(self) -> Splits:
        listing = self.listing()
        where = listing.source.name
        parts = self.divide(listing)
        sets, files = self._load(listing, parts, listing.classes)
        if self.fit == "pad":  # so that borders are about 0 for a new network, too
            mean, std = self.border, IMAGENET_STD
        else:
            mean, std = channel_statistics(sets["train"].images)
        if max(mean) < DARK / 255 and int(sets["train"].images.max()) < DARK:
            warnings.warn(
                f"{where}: every training picture is almost black, no value above {DARK - 1} of "
                "255; files of 16 bits that use fewer, such as 12, are to be scaled up",
                stacklevel=2,
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
            fit=self.fit,
        )

    def parts(self) -> dict[str, ImageSet]:
        """All images, to be looked at: divided only where they are, no class needs any."""
        listing = self.listing(for_training=False)
        classes = sorted({label for part in listing.parts.values() for label in part})
        sets, _ = self._load(listing, listing.parts, tuple(classes))
        return {name: part for name, part in sets.items() if len(part)}

    def divide(self, listing: Listing) -> dict[str, ByClass]:
        """Names of images by class, of ``train``, ``test`` and, if any, ``validation``."""
        if "validation" in listing.parts:
            return listing.parts
        if "all" in listing.parts:
            shares = (self.test_share, self.validation_share)
            test, validation, train = split_by_class(listing.parts["all"], shares, self.split_seed)
        else:
            test = listing.parts["test"]
            shares = (self.validation_share,)
            validation, train = split_by_class(listing.parts["train"], shares, self.split_seed)
        parts = {"train": train, "validation": validation, "test": test}
        return parts if self.validation_share else {"train": train, "test": test}

    def _load(
        self,
        listing: Listing,
        parts: dict[str, ByClass],
        classes: tuple[str, ...],
    ) -> tuple[dict[str, ImageSet], dict[str, tuple[str, ...]]]:
        """The images of each part, and their names; those that cannot be read are left out.

        So are those that repeat one of another part, unless all are to be kept: the test split
        stays as it is, and training loses what it shares with another.
        """
        # Stored part after part, so that each part is a stretch of the map, not a copy. What
        # decides their order makes the key, and no message: each order has a file of its own.
        drawn = (self.split_seed, self.validation_share, self.test_share)
        order = (*parts, *(drawn if parts is not listing.parts else ()))
        unique = self.duplicates == "drop"
        if not unique:
            order = (*order, "with repeats")
        as_listed = list(parts)
        parts = {name: parts[name] for name in sorted(parts, key=_rank)}
        names = names_in(parts)
        splits = {name: part for part in parts for name in names_in({part: parts[part]})}
        cached = load_cached(
            listing.source,
            names,
            shape=Shape(self.stored, self.fit, self.preprocessing(self.border, IMAGENET_STD).fill),
            key=" ".join(map(str, order)),
            cache_dir=self.cache_dir,
            splits=splits if unique else {},
        )
        parts = listing.readable(parts, cached.refused)
        if cached.refused:
            warnings.warn(
                f"{len(cached.refused)} of {len(names)} files in {listing.source.name} "
                f"cannot be read and are left out: {name_some(cached.refused)}",
                stacklevel=3,
            )
        parts = _without_repeats(parts, cached.repeats, listing)
        numbers = {label: number for number, label in enumerate(classes)}
        sets: dict[str, ImageSet] = {}
        files: dict[str, tuple[str, ...]] = {}
        start = 0
        for part, by_class in parts.items():
            labels = [numbers[label] for label, names in by_class.items() for _ in names]
            images = cached.images[start : start + len(labels)]
            sets[part] = ImageSet(images, torch.tensor(labels, dtype=torch.int64), classes)
            files[part] = tuple(names_in({part: by_class}))
            start += len(labels)
        return {name: sets[name] for name in as_listed}, {name: files[name] for name in as_listed}


def _rank(part: str) -> int:
    """What is kept of two pictures that are the same: that of the part with the lowest rank."""
    return -SPLITS.index(part) if part in SPLITS else 0


def _without_repeats(
    parts: dict[str, ByClass], repeats: Mapping[str, str], listing: Listing
) -> dict[str, ByClass]:
    """The parts without pictures that are in another one too, which a warning names."""
    if not repeats:
        return parts
    left = without(parts, repeats)
    some = name_some({name: f"= {before}" for name, before in repeats.items()})
    what = (
        f"{len(repeats)} pictures in {listing.source.name} are in two splits, the same to the pixel"
    )
    advice = "remove one of each, or keep both with --data.duplicates keep"
    counts = {part: len(names_in({part: left[part]})) for part in parts}
    emptied = [part for part, count in counts.items() if not count]
    emptied += [label for label, names in left.get("train", {}).items() if not names]
    if emptied and listing.for_training:
        raise ValueError(f"{what}, and nothing else is left of {emptied[0]}: {some}: {advice}")
    warnings.warn(
        f"{what}, and are left out of training, or else of validation: {some}: {advice}",
        stacklevel=4,
    )
    return left
