"""Loading a Hugging Face data set, and finding its columns of images and of classes."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypedDict, runtime_checkable
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from huggingface_hub import constants

HUB = "hf:"
"""What the name of such a set begins with, where other data could be meant."""
TIMEOUT = 10.0
"""Seconds in which the hub must answer at all."""
CLASSES = ("string", "large_string", "int8", "int16", "int32", "int64", "uint8", "uint16")
"""Plain values that can name a class."""
MAX_MESSAGE = 300
"""Characters of another library's message that are passed on."""


class Cell(TypedDict):
    """An image as it is stored: its bytes, or the file that holds them."""

    bytes: bytes | None
    path: str | None


@runtime_checkable
class Table(Protocol):
    """What is used of ``datasets.Dataset``."""

    @property
    def features(self) -> Mapping[str, object]:
        """Kind of each column."""
        ...

    @property
    def cache_files(self) -> Sequence[Mapping[str, str]]:
        """Files that hold the rows."""
        ...

    def select_columns(self, column_names: list[str]) -> "Table":
        """The same rows, fewer columns."""
        ...

    def cast_column(self, column: str, feature: object) -> "Table":
        """The same rows, a column of another kind."""
        ...

    def __getitem__(self, key: int | str) -> Mapping[str, Cell] | Sequence[object]:
        """A row, or a column."""
        ...


def load(name: str) -> dict[str, Table]:
    """The parts of a data set; a ValueError if the library, the hub or the set is missing."""
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise ValueError(
            f'{HUB}{name} needs the library datasets: pip install "selfdistill[hf]"'
        ) from None
    try:
        loaded = _load(datasets, name)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())[:MAX_MESSAGE]
        raise ValueError(f"{HUB}{name} cannot be loaded: {reason}") from error
    return loaded if isinstance(loaded, dict) else {"train": loaded}


def cache_folders() -> list[Path]:
    """Where the library keeps what it downloads and unpacks."""
    config = importlib.import_module("datasets").config
    return [Path(config.HF_DATASETS_CACHE), Path(config.DOWNLOADED_DATASETS_PATH)]


def find_columns(
    where: str, table: Table, image_column: str | None, label_column: str | None
) -> tuple[str, str]:
    """The columns of images and of classes: those named, or else the only ones."""
    image = importlib.import_module("datasets").Image
    images = [name for name, kind in table.features.items() if isinstance(kind, image)]
    kinds = {name: kind for name, kind in table.features.items() if name not in images}
    labels = [name for name, kind in kinds.items() if hasattr(kind, "names")]
    plain = [name for name, kind in kinds.items() if getattr(kind, "dtype", None) in CLASSES]
    if label_column is not None:
        labels = [*labels, *plain]
    return (
        _choose(where, images, image_column, "image"),
        _choose(where, labels or plain, label_column, "label"),
    )


def _choose(where: str, candidates: Sequence[str], name: str | None, kind: str) -> str:
    known = ", ".join(candidates) or "none"
    if name is not None and name not in candidates:
        raise ValueError(f"{where} has no {kind} column {name!r}; there are: {known}")
    if name is None and len(candidates) != 1:
        raise ValueError(
            f"{where} has {len(candidates)} columns that could be the {kind}: {known}; name one "
            f"with --data.{kind}-column"
        )
    return candidates[0] if name is None else name


def _load(datasets: ModuleType, name: str) -> Table | dict[str, Table]:
    folder = Path(name)
    if not folder.is_dir():
        _check_reachable()
        return datasets.load_dataset(name)
    if any((folder / file).is_file() for file in ("dataset_dict.json", "state.json")):
        return datasets.load_from_disk(name)
    if not any(folder.rglob("*.parquet")):
        raise ValueError(
            "the folder holds no .parquet file and nothing that save_to_disk wrote; "
            f"a folder of class folders is --data {name}"
        )
    return datasets.load_dataset("parquet", data_dir=name)


def _check_reachable() -> None:
    """Make sure that the hub answers: the library itself tries for half a minute."""
    if constants.HF_HUB_OFFLINE:
        return
    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=TIMEOUT).close()
    except HTTPError:
        return
    except OSError as error:
        raise ValueError(
            f"{constants.ENDPOINT} does not answer ({error}); for what was loaded before, set "
            "HF_HUB_OFFLINE=1"
        ) from None
