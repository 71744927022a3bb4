"""Names that fit into a figure and still tell its rows apart."""

import textwrap
from collections.abc import Sequence

from ...terminal import shown


def fitted(names: Sequence[str], width: int, *, lines: int = 1) -> list[str]:
    """Wrap names, and shorten those in the middle that need more lines than there are.

    Different names stay different: where shortened ones would be alike, all get more lines.

    Args:
        names: All that one figure, or one part of it, shows.
        width: Letters to a line.
        lines: Lines that a name may take.
    """
    plain = [shown(" ".join(name.split())) for name in names]
    for most in range(lines, max(map(len, plain), default=0) + 1):
        found = [_wrapped(name, width, most) for name in plain]
        if len(set(found)) == len(set(plain)):
            return found
    return plain  # only a space tells them apart, just where a line ends


def height(name: str) -> int:
    """Lines that a fitted name takes."""
    return name.count("\n") + 1


def _wrapped(name: str, width: int, lines: int) -> str:
    for kept in range(len(name), 0, -1):
        tail = kept // 2
        text = name if kept == len(name) else f"{name[: kept - tail]}…{name[len(name) - tail :]}"
        rows = textwrap.wrap(text, width)
        if len(rows) <= lines:
            return "\n".join(rows)
    return name
