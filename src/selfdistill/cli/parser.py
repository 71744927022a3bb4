"""How every command reads its words."""

import argparse
import math
from collections.abc import Callable

from . import COMMANDS


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Raise instead of ending the process."""
        raise ValueError(f"{self.prog}: {message}; see {self.prog} --help")


def parser_of(command: str) -> Parser:
    """An empty parser of a command."""
    return Parser(
        prog=f"selfdistill {command}", description=COMMANDS[command][1], allow_abbrev=False
    )


def at_least(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from a smallest one on."""

    def whole_number(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from {least} on")
        return number

    return whole_number


def seconds(text: str) -> float:
    """Seconds in a time such as 90s, 9m, 2h."""
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        value = float(text[:-1]) * units[text[-1]]
        if not 0 <= value < math.inf:
            raise ValueError
    except (KeyError, ValueError, IndexError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 9m or 2h") from None
    return value


def share(text: str) -> float:
    """A part of the whole, between 0 and 1: 5% or 0.05."""
    number = text.strip()
    try:
        value = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share: write 5% or 0.05")
    return value


def points(text: str) -> float:
    """A difference in percent of the images, from 0 to 100."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 100:
        raise argparse.ArgumentTypeError(f"{text!r}: give points of accuracy, such as 0.5")
    return value


def add_own_code(parser: argparse.ArgumentParser) -> None:
    """Let a command run what a run's recipe names in the current folder."""
    parser.add_argument(
        "--allow-own-code",
        action="store_true",
        help="run files of this folder that the recipe names, even if they have changed",
    )
