"""Fashion-MNIST, read from its official files."""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from ..image_set import ImageSet, Splits
from .base import DownloadableSet, missing, read_checked
from .download import Member, fetch_file

FOLDER = "FashionMNIST/raw"
URL = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
FILES = (
    Member("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    Member("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
    Member("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
    Member("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
)
COUNTS = (60_000, 10_000)
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
SIDE = 28
IMAGES, LABELS = 0x803, 0x801
"""What the official files begin with."""


@dataclass(frozen=True, kw_only=True)
class FashionMNIST(DownloadableSet):
    """70,000 grey pictures of clothes, 28 × 28 pixels, in 10 classes.

    Expects ``FashionMNIST/raw/train-images-idx3-ubyte.gz`` and the three other official files under
    ``root``, as torchvision lays them. Their MD5 is checked; of files that were unpacked already,
    for which none is published, the size and the header. Grey is repeated in three channels.

    Examples:
        >>> FashionMNIST(root="data", download=True).splits()  # doctest: +SKIP
    """

    def splits(self) -> Splits:
        folder = Path(self.root) / FOLDER
        if self.download:
            for file in FILES:
                if not (folder / file.name).with_suffix("").exists():
                    fetch_file(f"{URL}/{file.name}", file, folder)
        train, test = (
            _read(folder, images, labels, count)
            for images, labels, count in zip(FILES[::2], FILES[1::2], COUNTS, strict=True)
        )
        return self.divide(train, test)


def _read(folder: Path, images: Member, labels: Member, count: int) -> ImageSet:
    header = struct.pack(">4I", IMAGES, count, SIDE, SIDE)
    grey = _content(folder, images, header, count * SIDE * SIDE).view(-1, 1, SIDE, SIDE)
    classes = _content(folder, labels, struct.pack(">2I", LABELS, count), count)
    return ImageSet(grey.repeat(1, 3, 1, 1), classes.long(), CLASSES)


def _content(folder: Path, file: Member, header: bytes, size: int) -> UInt8[Tensor, " bytes"]:
    packed = folder / file.name
    plain = packed.with_suffix("")
    if packed.is_file():
        path, content = packed, gzip.decompress(read_checked(packed, file.md5).tobytes())
    elif plain.is_file():
        path, content = plain, plain.read_bytes()
    else:
        raise ValueError(missing(packed))
    if not content.startswith(header) or len(content) != len(header) + size:
        raise ValueError(f"{path} is not the official file: remove it and fetch it again")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=len(header)).copy())
