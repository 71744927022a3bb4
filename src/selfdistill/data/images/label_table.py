"""Anybody's pictures: a table that names files and their classes."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from ..image_set import DataSet, ImageSet, Splits
from .listing import NAMED, Listing, arrange, by_split, picked, split_of
from .prepare import Preparation
from .source import Files

TABLES = (".csv", ".tsv")
"""How tables' names end."""
MAX_NAME = 80
"""Characters of a column's name that messages show."""


class LabelTable(DataSet):
    """A table (CSV, or TSV with tabs) of pictures and their classes.

    The first line names the columns: ``image`` is a file's path below ``root``, ``label`` its
    class; backslashes count as slashes. A column ``split`` says ``train``, ``val`` or ``test``, or
    any other name that :class:`ImageFolder` knows: all three are taken as they are; of ``train``
    and one other, that one is the test split, and validation is carved from train. Without it every
    class is divided at random. Other columns are passed over. What becomes of each picture,
    :class:`ImageFolder` says.

    Args:
        table: The table, in UTF-8.
        root: The folder that the files' paths start from; None for the table's own.
        image_size: Height and width of what the network sees, in pixels; at least 8.
        cache_dir: Where decoded pictures are kept; None for ``SELFDISTILL_CACHE`` or, without it,
            the user's cache folder.
        split_seed: Decides which picture belongs to which split, where the table does not.
        validation_share: Share of each class set aside for validation, where the table sets none
            aside; 0 for none.
        test_share: Share of each class set aside as the test split, where the table sets none
            aside.

    Raises:
        ValueError: If the size or a share is out of range.

    Example:
        >>> LabelTable(table="labels.csv", root="photos").splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("table", "root", "cache_dir")

    def __init__(
        self,
        *,
        table: str | Path,
        root: str | Path | None = None,
        image_size: int = 224,
        cache_dir: str | Path | None = None,
        split_seed: int = 0,
        validation_share: float = 0.15,
        test_share: float = 0.15,
    ) -> None:
        self.table = Path(table)
        self.root = None if root is None else Path(root)
        self.preparation = Preparation(
            image_size, cache_dir, split_seed, validation_share, test_share
        )

    def splits(self) -> Splits:
        """Read the table, divide, decode.

        Raises:
            ValueError: If a line of the table is wrong, more than one file in twenty cannot be
                read, or a class has too few pictures left.
        """
        return self.preparation.splits(read_table(self.table, self.root))

    def parts(self) -> dict[str, ImageSet]:
        """All pictures, to be looked at: divided only where they are, no class needs any.

        Raises:
            ValueError: If there are none, or more than one in twenty cannot be read.
        """
        return self.preparation.parts(read_table(self.table, self.root, for_training=False))


class Entry(NamedTuple):
    """What a line of a table says."""

    line: int
    name: str
    label: str
    split: str


def read_table(table: Path, root: Path | None, *, for_training: bool = True) -> Listing:
    """List the pictures that a table names; those of a class are sorted by path.

    Args:
        table: The table.
        root: The folder that its paths start from; None for its own.
        for_training: Refuse what cannot be divided; otherwise splits stay as they are.

    Raises:
        ValueError: If the table or a column is missing, or a line names no label, an unknown
            split, a file that is not there or lies outside of the folder, or one named before.
    """
    root = root or table.parent
    folder = os.path.normpath(root.absolute()).rstrip(os.sep) + os.sep
    entries: dict[str, Entry] = {}
    for line, cells in _lines(table):
        try:
            entry = _entry(line, cells, folder)
        except ValueError as error:
            raise ValueError(f"{table} line {line}: {error}") from None
        before = entries.setdefault(entry.name, entry)
        if before is not entry:
            other = "" if before.label == entry.label else f" as {before.label!r}"
            raise ValueError(
                f"{table} line {line}: {entry.name} is in line {before.line} already{other}: "
                "keep one of the lines"
            )
    ordered = sorted(entries.values(), key=lambda entry: entry.name)
    found = {
        split: picked((entry.name, entry.label) for entry in ordered if entry.split == split)
        for split in dict.fromkeys(entry.split for entry in ordered)
    }
    if not for_training:
        return Listing(Files(root, table), by_split(found, table), {}, "", for_training=False)
    parts, rule = arrange(found, table)
    return Listing(Files(root, table), parts, {}, rule)


def _lines(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and cells of each line, by column."""
    if table.exists() and not table.is_file():
        raise ValueError(f"{table} is not a regular file: give a table (.csv, .tsv), or a folder")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
            columns = [name.strip().lower() for name in next(rows, [])]
            for needed in ("image", "label"):
                if needed not in columns:
                    raise ValueError(
                        f"{table} line 1 names no column {needed}, but {_some(columns)!r}: "
                        "name the columns image, label and, if there are splits, split"
                    )
            for row in rows:
                if any(row):
                    given = zip(columns, map(str.strip, row), strict=False)
                    yield rows.line_num, dict.fromkeys(columns, "") | dict(given)
    except UnicodeDecodeError:
        raise ValueError(f"{table} is no text in UTF-8: save it as CSV in UTF-8") from None
    except OSError as error:
        raise ValueError(f"{table} cannot be read: {error.strerror}") from None
    except csv.Error as error:
        raise ValueError(f"{table} cannot be read: {error}") from None


def _some(columns: list[str]) -> str:
    """The first few columns' names, shortened."""
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    return ", ".join(name[:MAX_NAME] for name in columns[:NAMED]) + more


def _entry(line: int, cells: dict[str, str], folder: str) -> Entry:
    given, label = cells.get("image", ""), cells.get("label", "")
    for column, cell in (("image", given), ("label", label)):
        if not cell:
            raise ValueError(f"the {column} is empty: fill it in, or remove the line")
    split = cells["split"].lower() if "split" in cells else "train"
    if split_of(split) is None:
        raise ValueError(f"there is no split {split!r}: write train, val or test")
    # Plain strings: a Path for each of a hundred thousand lines takes seconds.
    path = os.path.normpath(os.path.join(folder, given))  # noqa: PTH118
    if "\\" in given and not os.path.isfile(path):  # noqa: PTH113
        path = os.path.normpath(os.path.join(folder, given.replace("\\", "/")))  # noqa: PTH118
    if not path.startswith(folder):
        raise ValueError(f"{given} lies outside of {folder}: name the folder of all as root")
    if not os.path.isfile(path):  # noqa: PTH113
        raise ValueError(f"{given} is not a file in {folder}: name the right folder as root")
    return Entry(line, path[len(folder) :].replace(os.sep, "/"), label, split)
