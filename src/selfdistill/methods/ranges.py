"""Ranges of hyper-parameters: what lies outside is refused by name, with what is allowed.

A ``*_share`` lies in ``[0, 1]``: it is taken from a whole, of which something else gets the rest. A
``*_weight`` is 0 or more, and takes nothing from another term.
"""


class OutOfRange(ValueError):
    """A hyper-parameter has a value that no network goes with.

    Args:
        name: The parameter.
        value: Its value.
        reason: What is allowed, as the end of a sentence about the value.
    """

    def __init__(self, name: str, value: object, reason: str) -> None:
        super().__init__(name, value, reason)  # all three, so that it survives pickling
        self.name, self.value, self.reason = name, value, reason

    def __str__(self) -> str:
        return f"{self.name}={self.value!r} {self.reason}"


def positive(name: str, value: float | int) -> None:
    if not value > 0:
        raise OutOfRange(name, value, "must be greater than 0")


def not_negative(name: str, value: float) -> None:
    if not value >= 0:
        raise OutOfRange(name, value, "must not be negative")


def share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise OutOfRange(name, value, "must lie between 0 and 1")


def one_of(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise OutOfRange(name, value, f"is unknown: choose one of {', '.join(map(str, choices))}")
