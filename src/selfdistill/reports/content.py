"""What a section of a report consists of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it takes a second to load
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})
    """Columns of words, set flush left and wrapped; the others are numbers."""


@dataclass(frozen=True)
class Plot:
    """A figure with its file name and its caption."""

    name: str
    """Unique in a report; lower case letters, digits and hyphens."""
    caption: str
    figure: "Figure"


@dataclass(frozen=True)
class Thumbnail:
    """A small image."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Section:
    """A titled part of the page."""

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
