"""Images decoded once into bytes of one shape, kept in a file that is mapped into memory."""

import hashlib
import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from ...preprocessing import Colour, Fit, fit_picture
from ...resizing import Size
from ...runs import read_json, storage_failure
from ..progress import Progress
from .decode import pixel_hash, read_rgb
from .listing import Source

FORMAT = 3
MAX_NAME_BYTES = 100
"""Of a cache file's name, what tells the folder of its images."""
MAX_CHECKED_BYTES = 4 << 30
"""Of larger files only so many bytes, evenly spaced, are compared with what was written."""
MAX_INDEX_BYTES = 1 << 30
CHUNK = 256
"""Images whose checksum is computed at once."""
NO_SPLITS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Shape:
    """What pictures are brought to before they are stored."""

    size: Size
    fit: Fit = "crop"
    fill: Colour = (0, 0, 0)

    @property
    def name(self) -> str:
        height, width = self.size
        side = str(height) if height == width else f"{height}x{width}"
        return side if self.fit == "crop" else f"{side}-{self.fit}"

    @property
    def identity(self) -> object:
        """What tells it from others; of cut squares their side alone."""
        if self.fit == "crop" and self.size[0] == self.size[1]:
            return self.size[0]
        return [*self.size, self.fit, *(self.fill if self.fit == "pad" else ())]


@dataclass(frozen=True, eq=False)
class CachedImages:
    """Decoded images in the order of their names, without those that are refused or repeated."""

    images: UInt8[Tensor, "n 3 height width"]
    """A map of the file, read when touched."""
    refused: dict[str, str]
    """Why an image could not be read, by its name."""
    repeats: dict[str, str]
    """The image of an earlier split that an image repeats to the pixel, by its name."""


def load_cached(
    source: Source,
    names: Sequence[str],
    *,
    shape: Shape,
    key: str,
    cache_dir: str | Path | None,
    splits: Mapping[str, str] = NO_SPLITS,
) -> CachedImages:
    """Read images from the cache; decode them first where it lacks them or they have changed.

    It is rebuilt where the state of an image differs, and where it is damaged: a wrong length, or a
    wrong checksum. ``key`` tells this choice and order of images from others of the same source.
    Where ``splits`` says which split an image belongs to, one that repeats an image of an earlier
    split to the pixel is left out.
    """
    folder = default_folder() if cache_dir is None else Path(cache_dir)
    digest = hashlib.sha256(json.dumps([source.identity, shape.identity, key]).encode()).hexdigest()
    name = os.fsdecode(os.fsencode(Path(source.identity).name)[:MAX_NAME_BYTES])
    path = folder / f"{name}-{shape.name}-{digest[:16]}.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock")).acquire()
    except OSError as error:
        raise ValueError(
            f"the cache folder {folder} cannot be written ({error.strerror}): choose another with "
            "--data.cache-dir"
        ) from None
    with lock:
        state = {"format": FORMAT, "size": shape.identity, "files": source.states(names)}
        state["splits"] = Counter(splits.values())
        cached = _load(path, names, shape, state)
        if cached is None:
            _build(path, source, names, shape, state, splits)
            cached = _load(path, names, shape, state)
            assert cached is not None
        return cached


def default_folder() -> Path:
    """``SELFDISTILL_CACHE``, or else the folder for caches of this user."""
    if folder := os.environ.get("SELFDISTILL_CACHE"):
        return Path(folder)
    caches = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(caches or Path.home() / ".cache") / "selfdistill"
    except RuntimeError:  # the user has no home, as some users of containers
        raise ValueError(
            "this user has no home folder for the cache of decoded pictures: name a folder with "
            "--data.cache-dir"
        ) from None


def _load(
    path: Path, names: Sequence[str], shape: Shape, state: Mapping[str, object]
) -> CachedImages | None:
    """The cache, if it is whole and of that state."""
    try:
        index = read_json(path.with_suffix(".json"), max_bytes=MAX_INDEX_BYTES)
        if any(index.values.get(name) != value for name, value in state.items()):
            return None
        refused, repeats = (
            {name: part.text(name) for name in part}
            for part in (index.section("refused"), index.section("repeats"))
        )
        images = torch.from_numpy(np.load(path, mmap_mode="c"))
        cached = CachedImages(images, refused, repeats)
        kept = [name for name in names if name not in refused and name not in repeats]
        checksum = index.integer("checksum") if index.list("kept") == kept else None
    except (OSError, ValueError, TypeError, EOFError):
        return None
    if images.shape != (len(kept), 3, *shape.size) or _checksum(images.numpy()) != checksum:
        return None
    return cached


def _build(
    path: Path,
    source: Source,
    names: Sequence[str],
    shape: Shape,
    state: Mapping[str, object],
    splits: Mapping[str, str],
) -> None:
    stored = (len(names), 3, *shape.size)
    kept: list[str] = []
    refused: dict[str, str] = {}
    repeats: dict[str, str] = {}
    first: dict[str, str] = {}  # the first image of each hash
    unfinished = path.with_suffix(".unfinished")
    title = f"decoding {len(names):,} pictures into {path.parent}"
    try:
        with unfinished.open("wb") as file, Progress(title, len(names)) as progress:
            start = _write_header(file, stored)
            for name, decoded in source.map(names, partial(_fitted, shape)):
                if isinstance(decoded, str):
                    refused[name] = decoded
                elif splits.get(before := first.setdefault(decoded.hash, name)) != splits.get(name):
                    repeats[name] = before
                else:
                    file.write(decoded.pixels)
                    kept.append(name)
                progress.advance(1)
            file.seek(0)
            assert _write_header(file, (len(kept), *stored[1:])) == start
            file.flush()
            os.fsync(file.fileno())
        checksum = _checksum(np.load(unfinished, mmap_mode="r"))
        index = {
            **state,
            "kept": kept,
            "refused": refused,
            "repeats": repeats,
            "checksum": checksum,
        }
        # The index comes last and names the checksum: without it the pixels are not believed.
        path.with_suffix(".json").unlink(missing_ok=True)
        unfinished.replace(path)
        unfinished.write_text(json.dumps(index), encoding="utf-8")
        unfinished.replace(path.with_suffix(".json"))
    except OSError as error:
        raise storage_failure(path, math.prod(stored), error) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> int:
    """Write the header, whose length the first axis leaves as it is, and say where it ends."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


class Decoded(NamedTuple):
    """A decoded picture: its pixels in the shape that is stored, and the hash of all of them."""

    pixels: bytes
    hash: str


def _fitted(shape: Shape, picture: Path | bytes) -> Decoded | str:
    """A picture in its shape; a string says why it cannot be read."""
    try:
        whole = read_rgb(picture)
        fitted = fit_picture(whole, shape.size, fit=shape.fit, fill=shape.fill)
        return Decoded(np.asarray(fitted).transpose(2, 0, 1).tobytes(), pixel_hash(whole))
    except ValueError as error:
        return str(error)


def _checksum(pixels: NDArray[np.uint8]) -> int:
    """Checksum all pictures, or as many evenly spaced ones as ``MAX_CHECKED_BYTES`` holds."""
    count = len(pixels)
    parts = [slice(start, start + CHUNK) for start in range(0, count, CHUNK)]
    most = max(1, len(parts) * MAX_CHECKED_BYTES // max(1, pixels.nbytes))
    chosen = np.linspace(0, len(parts) - 1, min(most, len(parts))).astype(int)
    total = 0
    for number in chosen:
        total = zlib.crc32(np.ascontiguousarray(pixels[parts[number]]).data, total)
    return total
