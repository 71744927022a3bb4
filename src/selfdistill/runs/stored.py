"""Fields read from a file, checked as they are taken out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Never

ADVICE = "restore the file from a copy"
SHOWN_CHARACTERS = 40
Bound = int | float  # spelled out for the tests, which check types at run time


@dataclass(frozen=True)
class Stored:
    """Fields read from a file; what is taken out is checked, and errors say file and field.

    Args:
        file: Where they were read.
        values: The fields.
        name: Of this object within the file, such as ``cost``; empty for the whole file.
    """

    file: Path
    values: dict[str, object]
    name: str = ""

    def __contains__(self, field: str) -> bool:
        """Whether a field is there and not null."""
        return self.values.get(field) is not None

    def __iter__(self) -> Iterator[str]:
        """Names of the fields."""
        return iter(self.values)

    def text(self, field: str) -> str:
        """A field that holds text."""
        value = self.values.get(field)
        return value if isinstance(value, str) else self.refuse(field, "text")

    def number(self, field: str, low: Bound = -math.inf, high: Bound = math.inf) -> float:
        """A field that holds a finite number within bounds."""
        value = _finite(self.values.get(field))
        if value is not None and low <= value <= high:
            return value
        return self.refuse(field, f"a number{_bounds(low, high)}")

    def integer(self, field: str, low: Bound = -math.inf, high: Bound = math.inf) -> int:
        """A field that holds a whole number within bounds."""
        value = self.values.get(field)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        return self.refuse(field, f"a whole number{_bounds(low, high)}")

    def section(self, field: str) -> "Stored":
        """A field that holds fields itself."""
        value = self.values.get(field)
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return Stored(self.file, value, self._path(field))
        return self.refuse(field, "an object with named fields")

    def mapping(self, field: str) -> dict[str, object]:
        """The fields of a section; none where it is absent."""
        return self.section(field).values if field in self else {}

    def list(self, field: str) -> list[object]:
        """A field that holds a list."""
        value = self.values.get(field)
        return value if isinstance(value, list) else self.refuse(field, "a list")

    def numbers(self, field: str, count: int | None = None) -> tuple[float, ...]:
        """A field that holds a list of finite numbers, of a given length if any."""
        values = self.list(field)
        numbers = tuple(value for value in map(_finite, values) if value is not None)
        if len(numbers) == len(values) and count in (None, len(values)):
            return numbers
        return self.refuse(field, f"{'' if count is None else f'{count} '}numbers")

    def refuse(self, field: str, expected: str) -> Never:
        """Raise the error for a field that does not hold what is expected."""
        if field not in self.values:
            raise ValueError(f"{self.file} has no field {self._path(field)!r}: {ADVICE}")
        shown = repr(self.values[field])
        if len(shown) > SHOWN_CHARACTERS:
            shown = f"{shown[:SHOWN_CHARACTERS]}…"
        raise ValueError(
            f"{self.file}: {self._path(field)} is {shown}, expected {expected}: {ADVICE}"
        )

    def _path(self, field: str) -> str:
        return f"{self.name}.{field}" if self.name else field


def _finite(value: object) -> float | None:
    """A number as it is; None for anything else, infinities included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _bounds(low: Bound, high: Bound) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f" of at least {low:g}"
    return f" of at most {high:g}" if math.isinf(low) else f" within {low:g} to {high:g}"
