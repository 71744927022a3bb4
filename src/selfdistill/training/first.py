"""What one process of a run does for all of them."""

from collections.abc import Callable
from typing import TypeVar

from lightning_fabric import Fabric

from ..failures import Failure

T = TypeVar("T")


def by_first(fabric: Fabric, do: Callable[[], T]) -> T:
    """Let the first process do something; the others wait, and learn what came of it.

    Args:
        fabric: Knows the processes.
        do: What only one process must do, such as writing files.

    Returns:
        What it returned, in every process.

    Raises:
        Exception: What it raised, in every process, if it is of the documented kinds.
    """
    came: T | Exception | None = None
    if fabric.is_global_zero:
        try:
            came = do()
        except (Failure, ValueError, OSError) as error:
            came = error
    came = fabric.broadcast(came)
    if isinstance(came, Exception):
        try:
            raise came
        finally:
            del came  # else the error's frames would hold the run, and its group's threads
    return came  # pyright: ignore[reportReturnType]
