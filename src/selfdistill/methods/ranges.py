"""Ranges of hyper-parameters: a ValueError names the parameter, its value and what is allowed.

A ``*_share`` lies in ``[0, 1]``: it is taken from a whole, of which something else gets the rest. A
``*_weight`` is 0 or more, and takes nothing from another term.
"""


def positive(name: str, value: float | int) -> None:
    if not value > 0:
        raise ValueError(f"{name}={value} must be greater than 0")


def not_negative(name: str, value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{name}={value} must not be negative")


def share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value} must lie between 0 and 1")


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown: choose one of {', '.join(choices)}")
