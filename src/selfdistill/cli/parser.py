"""How every command reads its words."""

import argparse

from .commands import COMMANDS

SPLITS = ("validation", "test")


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Refuse the words.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"{self.prog}: {message}; see {self.prog} --help")


def parser_of(command: str) -> Parser:
    """An empty parser of a command."""
    return Parser(
        prog=f"selfdistill {command}", description=COMMANDS[command][1], allow_abbrev=False
    )


def seconds(text: str) -> float:
    """Seconds in a time such as 90s, 9m, 2h."""
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        return float(text[:-1]) * units[text[-1]]
    except (KeyError, ValueError, IndexError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 9m or 2h") from None
