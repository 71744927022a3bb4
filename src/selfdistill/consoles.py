"""Consoles of rich that show names from strangers instead of obeying them.

Apart from the text functions of ``terminal``: rich takes a third of the time of ``--help``.
"""

import io
import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from .terminal import shown


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console that reads neither markup nor control codes in names.

    Args:
        stderr: Whether it writes to standard error.
        width: Characters to a line; None for the terminal's.
    """
    stream = sys.stderr if stderr else sys.stdout
    return HarmlessConsole(
        file=getattr(stream, "unfiltered", None),  # its own codes pass by what filters text
        stderr=stderr,
        width=width,
        # None on a terminal: rich may still know better, as it does for IDLE.
        force_terminal=None if is_terminal(stderr=stderr) else False,
        markup=False,
        emoji=False,
        highlight=False,
    )


def is_terminal(*, stderr: bool = False) -> bool:
    """Whether a person reads the stream directly, whatever FORCE_COLOR says."""
    stream = sys.stderr if stderr else sys.stdout
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


class HarmlessConsole(Console):
    """Escapes control characters in all text; only its own codes reach the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """What is shown of something, in segments."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=shown(segment.text))


def render_plain(renderable: RenderableType, *, width: int) -> str:
    """The plain text of something, for logs and files: no control codes, whatever stdout is."""
    console = HarmlessConsole(
        file=io.StringIO(),
        width=width,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as text:
        console.print(renderable)
    return text.get().rstrip()
