"""The sections of a report, and what one consists of."""

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it takes a second to load
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class TextTable:
    """A table of text; the first column names the row."""

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
    """A small image with its caption."""

    png: bytes
    caption: str

    @property
    def base64(self) -> str:
        """The image as a ``data:`` URL holds it."""
        return base64.b64encode(self.png).decode()


@dataclass(frozen=True)
class Gallery:
    """Images under one sentence."""

    caption: str
    thumbnails: tuple[Thumbnail, ...]
    wide: bool = False
    """Whether an image shows several side by side."""


@dataclass(frozen=True)
class Section:
    """A titled part of the page."""

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[TextTable, ...] = ()
    plots: tuple[Plot, ...] = ()
    galleries: tuple[Gallery, ...] = ()
