"""The command line: ``selfdistill`` and ``python -m selfdistill``."""

import difflib
import importlib
import sys
import warnings
from collections.abc import Sequence

from ..version import __version__
from .commands import COMMANDS
from .output import lasting_output


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, or what the failure documents."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    warnings.showwarning = _show_warning
    with lasting_output(out=sys.stdout, err=sys.stderr):
        return _run(words, debug=debug)


def _run(words: list[str], *, debug: bool) -> int:
    try:
        return _dispatch(words)
    except Exception as error:
        code = _exit_code(error)
        if debug or code is None:
            raise
        print(f"selfdistill: {error}", file=sys.stderr)
        return code
    except KeyboardInterrupt:
        print("selfdistill: interrupted; the same command again goes on", file=sys.stderr)
        return 130


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_help())
        return 0
    if words[0] == "--version":
        print(f"selfdistill {__version__}")
        return 0
    if words[0] not in COMMANDS:
        nearest = difflib.get_close_matches(words[0], COMMANDS, n=1, cutoff=0.0)[0]
        raise ValueError(f"there is no command {words[0]!r}: did you mean {nearest}?")
    module, _ = COMMANDS[words[0]]
    return getattr(importlib.import_module(f".{module}", __name__), words[0])(words[1:])


def _help() -> str:
    lines = [f"  {name:<12}{what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: selfdistill COMMAND …",
            "",
            "Image classifiers that teach themselves.",
            "",
            *lines,
            "",
            "selfdistill COMMAND --help says more; --debug shows where an error arose.",
        ]
    )


def _exit_code(error: Exception) -> int | None:
    """The documented code of a failure; None for a fault of ours, which shows its traceback."""
    documented: int | None = getattr(error, "exit_code", None)
    if documented is not None:
        return documented
    if isinstance(error, ValueError):
        return 2
    return 4 if isinstance(error, OSError) else None


def _show_warning(message: Warning | str, category: type[Warning], *where: object) -> None:
    del where
    if issubclass(category, UserWarning):
        print(f"warning: {message}", file=sys.stderr, flush=True)
