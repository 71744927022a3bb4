"""One style for all figures: colours, markers, strokes and sizes; axes, names, SVG and PNG."""

import io
import itertools
import re
import textwrap
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import RcKeyType

from ...terminal import shown
from ..comparison import Row
from ..predictions import Numbers

INK, RULE, FAINT = "#1a1a1a", "#8a8a8a", "#dcdcdc"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, told apart with any colour vision."""
MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">")
STROKES = ("-", "--", "-.", (0, (1, 1.2)), (0, (5, 1, 1, 1, 1, 1)))
SHADES = ("#08306b", "#e69f00", "#56b4e9", "#7a3b00", "#cfe8c9", "#cc79a7", "#009e73", "#bdbdbd")
HATCHES = ("", "////", "", "....", "xxxx", "\\\\\\\\", "", "----")
WIDTH, HEIGHT = 4.3, 2.9
"""Inches; the width of a phone at the size of its text."""
ROWS_PER_FIGURE = 8
MAX_ROWS = 8
"""Rows with plots and tables of their own in a section."""
MAX_MARKS = 15
LINE = 0.15
"""Height of a line of text, inches."""
RESOLUTION = 200
SETTINGS: dict[RcKeyType, object] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],
    "font.size": 9,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "hatch.linewidth": 0.5,
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "text.parse_math": False,
}


class RowStyle(NamedTuple):
    """How a row is drawn in every figure."""

    color: str
    marker: str
    stroke: str | tuple[float, tuple[float, ...]]


def row_style(position: int) -> RowStyle:
    """The style of a row by its position; 0 is black, and no two of the first 24 are alike."""
    if position == 0:
        return RowStyle(INK, "o", "-")
    place = position - 1
    color, marker = PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)]
    return RowStyle(color, marker, STROKES[(place + 1 + place // len(PALETTE)) % len(STROKES)])


@contextmanager
def house_style() -> Generator[None]:
    """Draw in the house style, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def axes(*, height: float = HEIGHT, xlabel: str, ylabel: str = "") -> tuple[Figure, Axes]:
    """Start a figure of one panel."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panel = figure.add_subplot()
    panel.set_xlabel(xlabel)
    panel.set_ylabel(ylabel)
    return figure, panel


def epoch_axes(ylabel: str) -> tuple[Figure, Axes]:
    """Start a figure over epochs, with whole numbers as ticks."""
    figure, panel = axes(xlabel="epoch", ylabel=ylabel)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True))
    return figure, panel


def row_axes(
    names: Sequence[str], places: Numbers, *, step: float, width: int, lines: int, xlabel: str
) -> tuple[Figure, Axes]:
    """Start a figure with a named row at each place, from the top down.

    The label below ends at the right edge, as names of rows leave less room than its width.
    Heights are in steps of at least so many inches; a name takes at most so many lines of so many
    letters.
    """
    labels = fit_names(names, width, lines=lines)
    step = max(step, LINE * max(map(line_count, labels)) + 0.06)
    figure, panel = axes(height=0.75 + step * (places[-1] + 1), xlabel="")
    panel.set_yticks(places, labels)
    panel.set_ylim(places[-1] + 0.6, -0.6)
    panel.grid(axis="y", visible=False)
    panel.set_xlabel(xlabel, loc="right")
    return figure, panel


def name_columns(panel: Axes, names: Sequence[str], letters: int) -> None:
    """Name the columns of a panel, slanted where more letters are needed than fit below it."""
    panel.set_xticks(range(len(names)), list(names))
    longest = [max(map(len, name.split("\n"))) for name in names]
    needed = [sum(pair) / 2 + 1 for pair in itertools.pairwise(longest)]
    if max(needed, default=0) > letters / len(names):
        for text in panel.get_xticklabels():
            text.set(rotation=40, ha="right", rotation_mode="anchor")


def curve(panel: Axes, x: Numbers, y: Numbers, position: int, name: str) -> None:
    """Draw a row's line in the style of its position, with about six marks."""
    color, marker, stroke = row_style(position)
    every = max(1, len(x) // 6) if len(x) > MAX_MARKS else 1
    panel.plot(x, y, color=color, linestyle=stroke, marker=marker, markevery=every, label=name)


def hairlines(panel: Axes, curves: Sequence[tuple[Numbers, Numbers]], position: int) -> None:
    """Draw single seeds, where there are several."""
    for x, y in curves if len(curves) > 1 else ():
        panel.plot(x, y, color=row_style(position).color, lw=0.6, alpha=0.45)


def legend(figure: Figure, panel: Axes, *, columns: int = 2) -> None:
    """Put the legend below the panel, where it hides nothing, and make room for it."""
    handles, names = panel.get_legend_handles_labels()
    if not names:
        return
    columns = columns if max(map(len, names)) <= 19 else 1
    names = fit_names(names, 46, lines=3)
    rows, lines = -(-len(names) // columns), -(-sum(map(line_count, names)) // columns)
    width, inches = figure.get_size_inches()
    figure.set_size_inches(width, inches + LINE * lines + 0.06 * rows + 0.05)
    figure.legend(handles, names, loc="outside lower left", ncols=columns, columnspacing=1)


def fit_names(names: Sequence[str], width: int, *, lines: int = 1) -> list[str]:
    """Wrap names, and shorten those in the middle that need more lines than there are.

    Different names stay different: where shortened ones would be alike, all get more lines.
    """
    plain = [shown(" ".join(name.split())) for name in names]
    for most in range(lines, max(map(len, plain), default=0) + 1):
        short = [_wrapped(name, width, most) for name in plain]
        if len(set(short)) == len(set(plain)):
            return short
    return plain  # only a space tells them apart, just where a line ends


def line_count(name: str) -> int:
    return name.count("\n") + 1


def _wrapped(name: str, width: int, lines: int) -> str:
    for letters in range(len(name), 0, -1):
        tail = letters // 2
        middle = "" if letters == len(name) else "…"
        text = f"{name[: letters - tail]}{middle}{name[len(name) - tail :]}"
        rows = textwrap.wrap(text, width)
        if len(rows) <= lines:
            return "\n".join(rows)
    return name


def chunks(rows: Sequence[Row], size: int = ROWS_PER_FIGURE) -> list[Sequence[Row]]:
    """Split rows evenly over as few legible figures as possible, each with cross-entropy."""
    count = -(-len(rows) // size)
    parts = [rows[i * len(rows) // count : (i + 1) * len(rows) // count] for i in range(count)]
    reference = [row for row in rows if row.style == 0]
    return [[*reference, *(row for row in part if row.style != 0)] for part in parts]


def left_out(rows: Sequence[Row]) -> tuple[str, ...]:
    """A sentence on how many rows are shown one by one, if not all."""
    if len(rows) <= MAX_ROWS:
        return ()
    return (f"Of {len(rows)} rows, the first {MAX_ROWS} are shown one by one.",)


def png(figure: Figure) -> bytes:
    """Render as pixels, for slides."""
    return _render(figure, "png")


def svg(figure: Figure, name: str) -> str:
    """Render as one ``<svg>`` element whose ids no other figure of the page has."""
    with mpl.rc_context({"svg.hashsalt": name}):
        text = _render(figure, "svg").decode()
    text = text[text.index("<svg") :]
    text = shown(re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL))
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)


def _render(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with warnings.catch_warnings():
        # a browser has the letters that the font of the PNG lacks
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format=kind, dpi=RESOLUTION, metadata=metadata)
    figure.set_layout_engine("none")  # what was laid out once stays so
    return buffer.getvalue()
