"""The rows of a Hugging Face data set as pictures: which part and class each belongs to."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .hub_tables import HUB, Table, cache_folders, find_columns, load
from .listing import Listing, Picked, arrange, by_split, picked, split_of
from .source import Source, State, state


@dataclass(frozen=True, eq=False)
class Rows(Source):
    """Rows of a data set, named ``PART/NUMBER``.

    Args:
        called: The name or folder of the data set.
        tables: Its parts; images are stored, not decoded.
        column: The column of images.
    """

    called: str
    tables: dict[str, Table]
    column: str

    @property
    def name(self) -> str:
        """The name as the command line spells it."""
        return f"{HUB}{self.called}"

    @property
    def identity(self) -> str:
        """The name, or the folder as an absolute path."""
        return str(Path(self.called).resolve()) if Path(self.called).is_dir() else self.called

    def states(self, names: Sequence[str]) -> list[State]:
        """The names; name, size and time of change of the files that hold the rows."""
        files = [
            Path(file["filename"]) for table in self.tables.values() for file in table.cache_files
        ]
        return [[self.column, *names], *(state(file, str(file)) for file in files)]

    def read(self, names: Sequence[str]) -> list[Path | bytes]:
        """The bytes of each row's image, or its file where the set holds but the path."""
        return [self._read(name) for name in names]

    def _read(self, name: str) -> Path | bytes:
        part, _, number = name.rpartition("/")
        row = self.tables[part][int(number)]
        assert isinstance(row, Mapping)
        cell = row[self.column] or {}
        content, path = cell.get("bytes"), cell.get("path")
        if content is not None or path is None:
            return content or b""
        return self._own(Path(self.identity, path).resolve(), name)

    def _own(self, file: Path, row: str) -> Path:
        """A file that a row names, if it is the set's own.

        Raises:
            ValueError: If it lies elsewhere: whoever made the set does not choose files here.
        """
        stored = [Path(f["filename"]) for table in self.tables.values() for f in table.cache_files]
        folders = [Path(self.identity), *(file.parent for file in stored), *cache_folders()]
        if not any(file.is_relative_to(folder.resolve()) for folder in folders):
            raise ValueError(
                f"{self.name}: row {row} names {file}, which does not belong to the data set: "
                "store the pictures themselves in it"
            )
        return file


def find_rows(
    name: str,
    image_column: str | None = None,
    label_column: str | None = None,
    *,
    for_training: bool = True,
) -> Listing:
    """List a data set; pictures of a class are in the order of its rows.

    Args:
        name: Its name or folder.
        image_column: The column of images; None for the only one.
        label_column: The column of classes; None for the only one.
        for_training: Refuse what cannot be divided; otherwise splits stay as they are.

    Raises:
        ValueError: If the library or the data set is missing, a column is not clear, a row has no
            label, or the parts cannot be divided.
    """
    where = f"{HUB}{name}"
    tables = load(name)
    if len(tables) == 1 and (for_training or split_of(next(iter(tables))) is None):
        tables = {"train": next(iter(tables.values()))}
    used = {part: table for part, table in tables.items() if split_of(part) is not None}
    ignored = dict.fromkeys(tables.keys() - used, "is neither train, validation nor test")
    image, label = find_columns(where, next(iter(tables.values())), image_column, label_column)
    found: dict[str, Picked] = {}
    for part, table in used.items():
        labels = _labels(table, label)
        if any(labels):
            found[part] = picked(_named(labels, part, where))
        else:
            ignored[part] = "has no labels"
    parts, rule = arrange(found, where) if for_training else (by_split(found, where), "")
    stored = importlib.import_module("datasets").Image(decode=False)
    rows = {part: used[part].select_columns([image]).cast_column(image, stored) for part in found}
    return Listing(Rows(name, rows, image), parts, ignored, rule, for_training)


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
