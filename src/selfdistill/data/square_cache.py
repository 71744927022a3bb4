"""Pictures decoded once into squares of bytes, kept in a file that is mapped into memory."""

import hashlib
import json
import os
import warnings
import zlib
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from .decode import decode

FORMAT = 1
AT_ONCE = 256
"""Pictures that are decoded before they are written."""
SAMPLED = 64
"""Pictures whose checksum tells whether the file still holds what was written."""


@dataclass(frozen=True, eq=False)
class Squares:
    """Decoded pictures.

    Args:
        images: The squares, in the order of their names; a map of the file, read when touched.
        names: The files they come from.
        refused: Files that could not be read, and why.
    """

    images: UInt8[Tensor, "n 3 size size"]
    names: tuple[str, ...]
    refused: dict[str, str]


def decoded(
    root: Path, names: Sequence[str], *, size: int, key: str, cache_dir: Path | None
) -> Squares:
    """Read pictures from the cache; decode them first where it lacks them or they have changed.

    The cache is rebuilt when a file's name, size or time of change differ, or when it is damaged:
    a wrong length, or a wrong checksum of evenly spaced pictures.

    Args:
        root: The folder of the pictures, which is never written to.
        names: The files, relative to it.
        size: Height and width of the squares, in pixels.
        key: What tells this choice of files from others of the same folder.
        cache_dir: Where to keep them; None for the user's cache.

    Raises:
        ValueError: If the cache cannot be written.
    """
    folder = cache_dir or default_folder()
    digest = hashlib.sha256(json.dumps([str(root.resolve()), size, key]).encode()).hexdigest()
    path = folder / f"{root.resolve().name}-{size}-{digest[:16]}.npy"
    expected: dict[str, object] = {
        "format": FORMAT,
        "size": size,
        "files": [_state(root, name) for name in names],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError as error:
        raise ValueError(
            f"the cache folder {folder} cannot be written ({error.strerror}): choose another with "
            "--data.cache-dir"
        ) from None
    with lock:
        squares = _stored(path, expected)
        if squares is None:
            _build(path, root, names, expected)
            squares = _stored(path, expected)
            assert squares is not None
        return squares


def default_folder() -> Path:
    """``SELFDISTILL_CACHE``, or else the folder for caches of this user."""
    own = os.environ.get("SELFDISTILL_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "selfdistill"


def square(picture: Image.Image, size: int) -> Image.Image:
    """Scale the shorter side to ``size`` (bicubic, antialiased) and cut the centre."""
    scale = size / min(picture.size)
    width, height = (max(size, round(side * scale)) for side in picture.size)
    left, top = (width - size) // 2, (height - size) // 2
    scaled = picture.resize((width, height), Image.Resampling.BICUBIC)
    return scaled.crop((left, top, left + size, top + size))


def _state(root: Path, name: str) -> list[str | int]:
    try:
        status = (root / name).stat()
    except OSError:
        return [name, -1, -1]
    return [name, status.st_size, status.st_mtime_ns]


def _stored(path: Path, expected: dict[str, object]) -> Squares | None:
    try:
        index = json.loads(path.with_suffix(".json").read_text())
        pixels = np.load(path, mmap_mode="c")
    except (OSError, ValueError, EOFError):
        return None
    if not isinstance(index, dict) or any(index.get(k) != v for k, v in expected.items()):
        return None
    if pixels.shape[:1] != (len(index["kept"]),) or _checksum(pixels) != index["checksum"]:
        return None
    return Squares(torch.from_numpy(pixels), tuple(index["kept"]), index["refused"])


def _build(path: Path, root: Path, names: Sequence[str], expected: dict[str, object]) -> None:
    size = expected["size"]
    assert isinstance(size, int)
    shape = (len(names), 3, size, size)
    kept: list[str] = []
    refused: dict[str, str] = {}
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("wb") as file:
            start = _write_header(file, shape)
            for name, pixels in _decode_all(root, names, size):
                if isinstance(pixels, bytes):
                    file.write(pixels)
                    kept.append(name)
                else:
                    refused[name] = pixels
            file.seek(0)
            assert _write_header(file, (len(kept), *shape[1:])) == start
        checksum = _checksum(np.load(unfinished, mmap_mode="r"))
        index = {**expected, "kept": kept, "refused": refused, "checksum": checksum}
        # The index comes last and names the checksum: without it the pixels are not believed.
        path.with_suffix(".json").unlink(missing_ok=True)
        unfinished.replace(path)
        unfinished.write_text(json.dumps(index))
        unfinished.replace(path.with_suffix(".json"))
    finally:
        unfinished.unlink(missing_ok=True)


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> int:
    """Write the header, whose length the first axis leaves as it is, and say where it ends."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


def _decode_all(root: Path, names: Sequence[str], size: int) -> Generator[tuple[str, bytes | str]]:
    # Threads share the filter of warnings, so it is set once around them.
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")
        for start in range(0, len(names), AT_ONCE):
            chunk = names[start : start + AT_ONCE]
            yield from zip(chunk, pool.map(partial(_pixels, root, size), chunk), strict=True)


def _pixels(root: Path, size: int, name: str) -> bytes | str:
    try:
        picture = square(decode(root / name), size)
    except ValueError as error:
        return str(error).removeprefix(f"{root / name} ")
    return np.asarray(picture).transpose(2, 0, 1).tobytes()


def _checksum(pixels: np.ndarray) -> int:
    """Checksum evenly spaced pictures, the first and the last among them."""
    total = 0
    for i in np.linspace(0, len(pixels) - 1, min(SAMPLED, len(pixels))).astype(int):
        total = zlib.crc32(pixels[i].tobytes(), total)
    return total
