"""Tiny ImageNet-200 in its official layout."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import UInt8
from torch import Tensor

from ...resizing import shrink
from ...runs import read_text
from ..image_set import ImageSet, Splits
from ..images.cache import Shape, load_cached
from ..images.listing import Files, name_some
from .base import BenchmarkSet

FOLDER = "tiny-imagenet-200"
SIDE = 64
BATCH_SIZE = 4096


@dataclass(frozen=True, kw_only=True)
class TinyImageNet(BenchmarkSet):
    """110,000 photographs of 64 × 64 pixels in 200 classes; the official ``val`` is the test split.

    Expects ``tiny-imagenet-200/train/WNID/images``, ``val/images``, ``val/val_annotations.txt``,
    ``wnids.txt`` and ``words.txt`` under ``root``. Classes are sorted by WordNet identifier and
    named by the first name in ``words.txt``, followed by the identifier where two share it.
    Pictures are decoded once and kept in the cache at 64 pixels; below that they are scaled
    bilinearly, antialiased, as random crops and loaded models scale. Grey pictures are repeated in
    three channels.

    Args:
        image_size: Height and width of what the network sees, 8 to 64 pixels.
        train_size: Height and width that training images are kept at, for random crops out of more
            detail; None for ``image_size``.
        cache_dir: Where decoded pictures are kept; None for ``SELFDISTILL_CACHE`` or, without it,
            the user's cache folder.

    Raises:
        ValueError: If the size is out of range.

    Examples:
        >>> TinyImageNet(root="data", image_size=64).splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("root", "cache_dir")

    image_size: int = 32
    train_size: int | None = None
    cache_dir: str | Path | None = None

    def __post_init__(self) -> None:
        if not 8 <= self.image_size <= SIDE:
            raise ValueError(f"image size {self.image_size} must be within 8 to {SIDE} pixels")
        if self.train_size is not None and not self.image_size <= self.train_size <= SIDE:
            raise ValueError(
                f"training size {self.train_size} must be within image size {self.image_size} to "
                f"{SIDE}"
            )

    def splits(self) -> Splits:
        folder = Path(self.root) / FOLDER
        wnids = sorted(_lines(folder / "wnids.txt"))
        classes = _names(folder, wnids)
        train_size = self.train_size or self.image_size
        train_files = {
            name: label
            for label, wnid in enumerate(wnids)
            for name in _images_in(folder / "train" / wnid / "images", folder)
        }
        train = self._read(folder, "train", train_files, classes, train_size)
        test = self._read(folder, "val", _test_files(folder, wnids), classes, self.image_size)
        splits = self.divide(train, test)
        if train_size == self.image_size:
            return splits
        validation = splits.validation and replace(
            splits.validation, images=_shrink(splits.validation.images, self.image_size)
        )
        return replace(splits, validation=validation, input_size=self.image_size)

    def _read(
        self, folder: Path, part: str, files: dict[str, int], classes: tuple[str, ...], size: int
    ) -> ImageSet:
        names = list(files)
        cached = load_cached(
            Files(folder), names, shape=Shape((SIDE, SIDE)), key=part, cache_dir=self.cache_dir
        )
        if cached.refused:
            raise ValueError(
                f"{len(cached.refused)} of {len(names)} files in {folder / part} cannot be read: "
                f"{name_some(cached.refused)}: unpack the archive again"
            )
        images = _shrink(cached.images, size)
        return ImageSet(images, torch.tensor(list(files.values())), classes)


def _shrink(images: UInt8[Tensor, "n 3 height width"], size: int) -> UInt8[Tensor, "n 3 size size"]:
    if size == images.shape[2]:
        return images
    smaller = torch.empty(len(images), 3, size, size, dtype=torch.uint8)
    for part, result in zip(images.split(BATCH_SIZE), smaller.split(BATCH_SIZE), strict=True):
        result.copy_(shrink(part, (size, size)))
    return smaller


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: point --data.root at the folder that holds {FOLDER!r}, unpacked "
            "from the official archive"
        )
    return [line for line in read_text(path).splitlines() if line.strip()]


def _names(folder: Path, wnids: list[str]) -> tuple[str, ...]:
    words = dict(line.split("\t", 1) for line in _lines(folder / "words.txt") if "\t" in line)
    unnamed = [wnid for wnid in wnids if wnid not in words]
    if unnamed:
        raise ValueError(f"{folder / 'words.txt'} has no line for class {unnamed[0]!r}")
    first = [words[wnid].split(",")[0].strip() for wnid in wnids]
    counts = Counter(first)
    return tuple(
        name if counts[name] == 1 else f"{name} ({wnid})"
        for name, wnid in zip(first, wnids, strict=True)
    )


def _test_files(folder: Path, wnids: list[str]) -> dict[str, int]:
    path = folder / "val" / "val_annotations.txt"
    annotated = dict(line.split("\t")[:2] for line in _lines(path) if "\t" in line)
    labels = {wnid: label for label, wnid in enumerate(wnids)}
    files: dict[str, int] = {}
    for name in _images_in(folder / "val" / "images", folder):
        wnid = annotated.pop(Path(name).name, None)
        if wnid not in labels:
            fault = "has no line for" if wnid is None else f"gives the unknown class {wnid!r} to"
            raise ValueError(f"{path} {fault} {name}: unpack the archive again")
        files[name] = labels[wnid]
    if annotated:
        raise ValueError(
            f"{path} names {len(annotated)} pictures that {folder / 'val' / 'images'} lacks, "
            f"{min(annotated)} among them: unpack the archive again"
        )
    return files


def _images_in(images: Path, folder: Path) -> list[str]:
    names = sorted(path.relative_to(folder).as_posix() for path in images.glob("*.JPEG"))
    if not names:
        raise ValueError(f"{images} is missing or holds no .JPEG file: unpack the archive again")
    return names
