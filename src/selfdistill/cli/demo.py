"""The command that shows a run as a page for pictures: demo."""

import os
import tempfile
from html import escape
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from ..runs import RunDirectory
from ..terminal import one_line, shown_name
from .parser import add_own_code, at_least, parser_of

if TYPE_CHECKING:
    from ..inspection import FinishedRun

ADDRESS = "127.0.0.1"
"""Nobody else reaches the page: it has no password."""
SILENT = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False"}
"""Nothing is told to gradio's makers, and no picture kept in the browser."""


def demo(words: list[str]) -> int:
    """Serve a page until a signal ends it."""
    parser = parser_of("demo")
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--port", type=at_least(1), help="default: the first free one from 7860")
    add_own_code(parser)
    args = parser.parse_args(words)
    from ..config import Execution
    from ..inspection import FinishedRun

    execution = Execution(allow_own_code=args.allow_own_code)
    finished = FinishedRun(RunDirectory(args.run), execution=execution)
    _ = finished.method  # what is wrong with it is said here, not on the page
    with tempfile.TemporaryDirectory() as folder:  # pictures go when the page does
        os.environ.update(SILENT, GRADIO_TEMP_DIR=folder)
        serve(finished, args.run.resolve().name, args.port)
    return 0


def serve(finished: "FinishedRun", title: str, port: int | None) -> None:
    """Show the page until a signal ends it; gradio reads the environment when it is imported."""
    try:
        import gradio  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ValueError('demo needs gradio: pip install "selfdistill[demo]"') from None

    def answer(file: str | None) -> str:
        return said_of(finished, file)

    # Fonts of this machine: none is fetched from elsewhere.
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    with gradio.Blocks(title=f"{title} · selfdistill", analytics_enabled=False) as page:
        gradio.HTML(f"<h1>{escape(shown_name(title))}</h1>")
        picture = gradio.File(label="a picture", type="filepath", height=140)
        said = gradio.HTML()
        picture.change(answer, picture, said)
    try:
        _, url, _ = page.launch(
            server_name=ADDRESS,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            theme=theme,
            footer_links=[],
        )
    except OSError:
        raise ValueError(
            f"port {port or '7860 and those after it'} is in use: choose --port"
        ) from None
    print(f"{url}  drop a picture there; Ctrl-C ends the page", flush=True)
    try:
        Event().wait()
    finally:
        page.close(verbose=False)


def said_of(finished: "FinishedRun", file: str | None) -> str:
    """What the page says of an uploaded file, as HTML; nothing where there is none."""
    from ..inspection import opinion
    from ..reports.opinion import opinion_html

    if file is None:
        return ""
    try:
        return opinion_html(opinion(finished, Path(file)))
    except ValueError as error:
        return f"<p>{escape(one_line(str(error).replace(file, Path(file).name)))}</p>"
