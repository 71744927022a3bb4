"""A table that names files and their classes."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from ..splitting import assign_splits, split_of
from .listing import MAX_NAMED, Files, Listing, group_by_class
from .prepare import OwnImages

TABLES = (".csv", ".tsv")
"""How tables' names end."""
MAX_NAME = 80
"""Characters of a column's name that messages show."""


@dataclass(frozen=True, kw_only=True)
class LabelTable(OwnImages):
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

    Raises:
        ValueError: If the size or a share is out of range.

    Examples:
        >>> LabelTable(table="labels.csv", root="photos").splits()  # doctest: +SKIP
    """

    path_arguments: ClassVar[tuple[str, ...]] = ("table", "root", "cache_dir")

    table: str | Path
    root: str | Path | None = None

    def listing(self, *, for_training: bool = True) -> Listing:
        table = Path(self.table)
        root = table.parent if self.root is None else Path(self.root)
        rows = read_table(table, root)
        parts = {
            split: group_by_class((row.name, row.label) for row in rows if row.split == split)
            for split in dict.fromkeys(row.split for row in rows)
        }
        parts, rule = assign_splits(parts, table, for_training=for_training)
        return Listing(Files(root, table), parts, {}, rule, for_training)


class Row(NamedTuple):
    """What a line of a table says."""

    line: int
    name: str
    label: str
    split: str


def read_table(table: Path, root: Path) -> list[Row]:
    """The rows of a table, sorted by path; ``root`` is the folder that its paths start from."""
    folder = os.path.normpath(root.absolute()).rstrip(os.sep) + os.sep
    rows: dict[str, Row] = {}
    for line, cells in _lines(table):
        try:
            row = _row(line, cells, folder)
        except ValueError as error:
            raise ValueError(f"{table} line {line}: {error}") from None
        before = rows.setdefault(row.name, row)
        if before is not row:
            other = "" if before.label == row.label else f" as {before.label!r}"
            raise ValueError(
                f"{table} line {line}: {row.name} is in line {before.line} already{other}: "
                "keep one of the lines"
            )
    return sorted(rows.values(), key=lambda row: row.name)


def _lines(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and cells of each line, by column."""
    if table.exists() and not table.is_file():
        raise ValueError(f"{table} is not a regular file: give a table (.csv, .tsv), or a folder")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
            columns = [name.strip().lower() for name in next(rows, [])]
            some = ", ".join(name[:MAX_NAME] for name in columns[:MAX_NAMED])
            if len(columns) > MAX_NAMED:
                some += f" and {len(columns) - MAX_NAMED} more"
            for needed in ("image", "label"):
                if needed not in columns:
                    raise ValueError(
                        f"{table} line 1 names no column {needed}, but {some!r}: "
                        "name the columns image, label and, if there are splits, split"
                    )
            for row in rows:
                if any(row):
                    cells = zip(columns, map(str.strip, row), strict=False)
                    yield rows.line_num, dict.fromkeys(columns, "") | dict(cells)
    except UnicodeDecodeError:
        raise ValueError(f"{table} is no text in UTF-8: save it as CSV in UTF-8") from None
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{table} cannot be read: {reason}") from None


def _row(line: int, cells: dict[str, str], folder: str) -> Row:
    image, label = cells["image"], cells["label"]
    for column in ("image", "label"):
        if not cells[column]:
            raise ValueError(f"the {column} is empty: fill it in, or remove the line")
    split = cells["split"].lower() if "split" in cells else "train"
    if split_of(split) is None:
        raise ValueError(f"there is no split {split!r}: write train, val or test")
    # Plain strings: a Path for each of a hundred thousand lines takes seconds.
    path = os.path.normpath(os.path.join(folder, image))  # noqa: PTH118
    if "\\" in image and not os.path.isfile(path):  # noqa: PTH113
        path = os.path.normpath(os.path.join(folder, image.replace("\\", "/")))  # noqa: PTH118
    if not path.startswith(folder):
        raise ValueError(f"{image} lies outside of {folder}: name the folder of all as root")
    if not os.path.isfile(path):  # noqa: PTH113
        raise ValueError(f"{image} is not a file in {folder}: name the right folder as root")
    return Row(line, path[len(folder) :].replace(os.sep, "/"), label, split)
