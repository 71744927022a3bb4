"""The command line: ``selfdistill`` and ``python -m selfdistill``."""

import difflib
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence

from ..failures import StorageFailure, ending
from ..signals import Interrupted, interruptible
from ..terminal import one_line
from ..version import __version__
from .streams import lasting_streams

COMMANDS = {
    "quickstart": ("studies", "compare cross-entropy and SKDSAM on the embedded digits"),
    "train": ("runs", "train a network; the same command again goes on where it stopped"),
    "evaluate": ("runs", "scores of a run's every exit"),
    "predict": ("predict", "classes of pictures, by a run, a model folder or an exported file"),
    "exits": ("exits", "fit where a run's network may stop early, and what that saves"),
    "export": ("export", "a run's network as a file for other programs, compared with the run"),
    "push": ("hub", "publish a run on the Hugging Face hub; shows what it would do, without --yes"),
    "demo": ("demo", "a page on this machine that says what a run makes of a picture"),
    "attention": ("runs", "what each block of a run makes of pictures, and where it looks"),
    "compare": ("reports", "a table of runs: accuracy over seeds, gain over cross-entropy, cost"),
    "study": ("studies", "train what a grid of runs still misses, and compare"),
    "report": ("reports", "a page of tables and figures about a study or about runs"),
    "methods": ("catalogue", "the methods; with a name, its equation, options and defaults"),
    "backbones": ("catalogue", "the networks whose names match a pattern"),
    "augment": ("catalogue", "a picture of what a recipe shows the network"),
    "data": ("data", "check pictures before training; fetch an official data set"),
    "recipes": ("catalogue", "the shipped recipes; with a name, its content"),
}
"""The module that each command is in, and its purpose."""
RESUMED = ("train", "study", "quickstart")
"""Commands that go on where they were stopped."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, or what the failure documents."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if sys.stderr is None or not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # before it is imported
    with (
        lasting_streams(sys.stdout, sys.stderr) as lost,
        warnings.catch_warnings(),
        interruptible(),
    ):
        warnings.showwarning = _show_warning
        if any(rule[0] == "error" for rule in warnings.filters):
            warnings.simplefilter("default")  # no warning ends a command, not even with -W error
        try:
            command = _command(words)
            code = command(words[1:])
        except Exception as error:
            if debug:
                raise
            code, message = ending(error)
            _complain(message)
        except KeyboardInterrupt as interrupt:
            number = interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT
            hint = "; run the same command to resume" if words and words[0] in RESUMED else ""
            _complain(f"stopped by {signal.Signals(number).name}{hint}")
            code = 128 + number
        if sys.stdout is not None:
            sys.stdout.flush()
        if lost:
            _complain(f"standard output could not be written: {lost[0]}; the rest is lost")
        return code or (StorageFailure.exit_code if lost else 0)


def _complain(message: str) -> None:
    print(f"selfdistill: {one_line(message)}", file=sys.stderr, flush=True)


def _command(words: list[str]) -> Callable[[list[str]], int]:
    """The command that the first word names."""
    if not words or words[0] in ("-h", "--help", "help"):
        return _help
    if words[0] == "--version":
        return _version
    if words[0].startswith("-"):
        raise ValueError(f"there is no option {words[0]} before a command; see selfdistill --help")
    if words[0] not in COMMANDS:
        nearest = difflib.get_close_matches(words[0], COMMANDS, n=1, cutoff=0.0)[0]
        raise ValueError(f"there is no command {words[0]!r}: did you mean {nearest}?")
    module, _ = COMMANDS[words[0]]
    return getattr(importlib.import_module(f".{module}", __name__), words[0])


def _version(_: list[str]) -> int:
    print(f"selfdistill {__version__}")
    return 0


def _help(_: list[str]) -> int:
    print("usage: selfdistill COMMAND …\n\nImage classifiers that teach themselves.\n")
    for name in COMMANDS:
        print(f"  {name:<12}{COMMANDS[name][1]}")
    print("\nselfdistill COMMAND --help says more; --debug shows where an error arose.")
    return 0


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    """Show a warning that is meant for users, in a line."""
    if issubclass(category, UserWarning):
        print(f"warning: {one_line(str(message))}", file=sys.stderr, flush=True)
