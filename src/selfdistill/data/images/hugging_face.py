"""A data set of the Hugging Face hub, or one in its formats on disk."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from .hub import HUB, Table, cache_folders, find_columns, load
from .listing import ByClass, Listing, group_by_class
from .prepare import OwnImages
from .source import Source, State, file_state
from .split_names import assign_splits, split_of


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

    Example:
        >>> HuggingFace(name="owner/flowers", image_size=224).splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("cache_dir",)

    name: str
    image_column: str | None = None
    label_column: str | None = None

    def listing(self, *, for_training: bool = True) -> Listing:
        """List the data set; images of a class are in the order of its rows.

        Raises:
            ValueError: If the library or the data set is missing, a column is not clear, a row has
                no label, or the parts cannot be divided.
        """
        where = f"{HUB}{self.name}"
        tables = load(self.name)
        first = next(iter(tables.values()))
        if len(tables) == 1 and (for_training or split_of(next(iter(tables))) is None):
            tables = {"train": first}
        image, label = find_columns(where, first, self.image_column, self.label_column)
        parts: dict[str, ByClass] = {}
        ignored: dict[str, str] = {}
        for part, table in tables.items():
            if split_of(part) is None:
                ignored[part] = "is neither train, validation nor test"
            elif any(labels := _labels(table, label)):
                parts[part] = group_by_class(_named(labels, part, where))
            else:
                ignored[part] = "has no labels"
        stored = importlib.import_module("datasets").Image(decode=False)
        rows = {
            part: tables[part].select_columns([image]).cast_column(image, stored) for part in parts
        }
        splits, rule = assign_splits(parts, where, for_training=for_training)
        return Listing(Rows(self.name, rows, image), splits, ignored, rule, for_training)


@dataclass(frozen=True, eq=False)
class Rows(Source):
    """Rows of a data set, named ``PART/NUMBER``; images are stored, not decoded."""

    called: str
    """The name or folder of the data set."""
    tables: dict[str, Table]
    column: str

    @property
    def name(self) -> str:
        return f"{HUB}{self.called}"

    @property
    def identity(self) -> str:
        return str(Path(self.called).resolve()) if Path(self.called).is_dir() else self.called

    def states(self, names: Sequence[str]) -> list[State]:
        files = [
            Path(file["filename"]) for table in self.tables.values() for file in table.cache_files
        ]
        return [[self.column, *names], *(file_state(file, str(file)) for file in files)]

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
        return self._own_file(Path(self.identity, path).resolve(), name)

    def _own_file(self, file: Path, row: str) -> Path:
        """A file that a row names, if it is the set's own: its maker chooses no other file here."""
        stored = [Path(f["filename"]) for table in self.tables.values() for f in table.cache_files]
        folders = [Path(self.identity), *(file.parent for file in stored), *cache_folders()]
        if not any(file.is_relative_to(folder.resolve()) for folder in folders):
            raise ValueError(
                f"{self.name}: row {row} names {file}, which does not belong to the data set: "
                "store the pictures themselves in it"
            )
        return file


def _labels(table: Table, column: str) -> list[str]:
    """Name of each row's class; empty for none."""
    names: list[str] | None = getattr(table.features[column], "names", None)
    values = list(table[column])
    if names is None:
        return ["" if value is None else str(value) for value in values]
    return [names[value] if isinstance(value, int) and value >= 0 else "" for value in values]


def _named(labels: list[str], part: str, where: str) -> Iterator[tuple[str, str]]:
    for number, label in enumerate(labels):
        if not label:
            raise ValueError(f"{where}: row {number} of {part} has no label: leave it out")
        yield f"{part}/{number}", label
