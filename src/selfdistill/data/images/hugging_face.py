"""A data set of the Hugging Face hub, or one in its formats on disk."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, TypedDict, runtime_checkable
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from huggingface_hub import constants

from ..splitting import ByClass, assign_splits, split_of
from .listing import Listing, Source, State, file_state, group_by_class
from .prepare import OwnImages

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
    def features(self) -> Mapping[str, object]: ...  # kind of each column
    @property
    def cache_files(self) -> Sequence[Mapping[str, str]]: ...  # files that hold the rows
    def select_columns(self, column_names: list[str]) -> "Table": ...
    def cast_column(self, column: str, feature: object) -> "Table": ...
    def __getitem__(self, key: int | str) -> Mapping[str, Cell] | Sequence[object]: ...


@dataclass(frozen=True, kw_only=True)
class HuggingFace(OwnImages):
    """A Hugging Face data set: a column of images and one of classes.

    Needs the extra ``hf``. No code of a data set is run. The parts ``train``, ``val`` (or ``valid``
    or ``validation``) and ``test`` are divided as :class:`ImageFolder` divides folders of these
    names; ``train`` alone is divided at random, class by class. Classes are sorted by name. What
    becomes of each picture, :class:`ImageFolder` says.

    Args:
        name: ``owner/name`` on the hub, or a folder that holds ``.parquet`` files or what
            ``save_to_disk`` wrote.
        image_column: The column of images; None for the only one.
        label_column: The column of classes; None for the only one.

    Raises:
        ValueError: If the size or a share is out of range.

    Examples:
        >>> HuggingFace(name="owner/flowers", image_size=224).splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("cache_dir",)

    name: str
    image_column: str | None = None
    label_column: str | None = None

    def listing(self, *, for_training: bool = True) -> Listing:
        where = f"{HUB}{self.name}"
        tables = load(self.name)
        first = next(iter(tables.values()))
        if len(tables) == 1 and (for_training or split_of(next(iter(tables))) is None):
            tables = {"train": first}
        image, label = find_columns(where, first, self.image_column, self.label_column)
        stored = importlib.import_module("datasets").Image(decode=False)
        parts: dict[str, ByClass] = {}
        rows: dict[str, Table] = {}
        ignored: dict[str, str] = {}
        for part, table in tables.items():
            if split_of(part) is None:
                ignored[part] = "is neither train, validation nor test"
            elif any(labels := _labels(table, label)):
                parts[part] = group_by_class(_rows_of(part, labels, where))
                rows[part] = table.select_columns([image]).cast_column(image, stored)
            else:
                ignored[part] = "has no labels"
        splits, rule = assign_splits(parts, where, for_training=for_training)
        return Listing(Rows(self.name, rows, image), splits, ignored, rule, for_training)


def _labels(table: Table, column: str) -> list[str]:
    """Name of each row's class; empty for none."""
    names: list[str] | None = getattr(table.features[column], "names", None)
    values = list(table[column])
    if names is None:
        return ["" if value is None else str(value) for value in values]
    return [names[value] if isinstance(value, int) and value >= 0 else "" for value in values]


def _rows_of(part: str, labels: Sequence[str], where: str) -> Iterator[tuple[str, str]]:
    """Name and class of each row."""
    for number, label in enumerate(labels):
        if not label:
            raise ValueError(f"{where}: row {number} of {part} has no label: leave it out")
        yield f"{part}/{number}", label


@dataclass(frozen=True, eq=False)
class Rows(Source):
    """Rows of a data set, named ``PART/NUMBER``; images are stored, not decoded."""

    data_set: str
    """The name or folder of the data set."""
    tables: dict[str, Table]
    column: str

    @property
    def name(self) -> str:
        return f"{HUB}{self.data_set}"

    @property
    def identity(self) -> str:
        return str(Path(self.data_set).resolve()) if Path(self.data_set).is_dir() else self.data_set

    @property
    def files(self) -> list[Path]:
        """The files that hold the rows."""
        return [Path(f["filename"]) for table in self.tables.values() for f in table.cache_files]

    def states(self, names: Sequence[str]) -> list[State]:
        return [[self.column, *names], *(file_state(file, str(file)) for file in self.files)]

    def encoded(self, names: Sequence[str]) -> list[Path | bytes]:
        return [self._read(name) for name in names]

    def _read(self, name: str) -> Path | bytes:
        part, _, number = name.rpartition("/")
        row = self.tables[part][int(number)]
        assert isinstance(row, Mapping)
        cell = row[self.column] or {}
        content, path = cell.get("bytes"), cell.get("path")
        if content is not None or path is None:
            return content or b""
        # Only the set's own files are read: its maker chooses no others on this machine.
        file = Path(self.identity, path).resolve()
        config = importlib.import_module("datasets").config
        caches = (Path(config.HF_DATASETS_CACHE), Path(config.DOWNLOADED_DATASETS_PATH))
        folders = [Path(self.identity), *(one.parent for one in self.files), *caches]
        if not any(file.is_relative_to(folder.resolve()) for folder in folders):
            raise ValueError(
                f"{self.name}: row {name} names {file}, which does not belong to the data set: "
                "store the pictures themselves in it"
            )
        return file


def load(name: str) -> dict[str, Table]:
    """The parts of a data set; a ValueError if the library, the hub or the set is missing."""
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise ValueError(
            f'{HUB}{name} needs the library datasets: pip install "selfdistill[hf]"'
        ) from None
    folder = Path(name)
    try:
        if not folder.is_dir():
            if not constants.HF_HUB_OFFLINE:
                _check_reachable()
            loaded = datasets.load_dataset(name)
        elif any((folder / file).is_file() for file in ("dataset_dict.json", "state.json")):
            loaded = datasets.load_from_disk(name)
        elif any(folder.rglob("*.parquet")):
            loaded = datasets.load_dataset("parquet", data_dir=name)
        else:
            raise ValueError(
                "the folder holds no .parquet file and nothing that save_to_disk wrote; "
                f"a folder of class folders is --data {name}"
            )
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())[:MAX_MESSAGE]
        raise ValueError(f"{HUB}{name} cannot be loaded: {reason}") from error
    return loaded if isinstance(loaded, dict) else {"train": loaded}


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


def _check_reachable() -> None:
    """Make sure that the hub answers: the library itself tries for half a minute."""
    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=TIMEOUT).close()
    except HTTPError:  # an answer, too
        return
    except OSError as error:
        raise ValueError(
            f"{constants.ENDPOINT} does not answer ({error}); for what was loaded before, set "
            "HF_HUB_OFFLINE=1"
        ) from None
