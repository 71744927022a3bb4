"""Ranges of hyper-parameters, refused with the value and what is allowed."""


def positive(name: str, value: float | int) -> None:
    """Refuse a value that is not above zero.

    Raises:
        ValueError: If it is not.
    """
    if not value > 0:
        raise ValueError(f"{name}={value} must be greater than 0")


def not_negative(name: str, value: float) -> None:
    """Refuse a negative value.

    Raises:
        ValueError: If it is negative.
    """
    if not value >= 0:
        raise ValueError(f"{name}={value} must not be negative")


def share(name: str, value: float) -> None:
    """Refuse a value outside ``[0, 1]``.

    Raises:
        ValueError: If it lies outside.
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value} must lie between 0 and 1")


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is not among the choices.

    Raises:
        ValueError: If it is not.
    """
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown: choose one of {', '.join(choices)}")
