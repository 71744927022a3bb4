"""The best test epoch, which published tables used to report: for the column that says so."""

from pathlib import Path

from ..runs import Stored, read_lines

TEST_CURVE = "test_curve.jsonl"


def best_test_epoch(run: Path) -> float | None:
    """Highest test accuracy of all epochs, percent; None where it was not recorded.

    It is chosen by the test images, hence too high: no difference and no verdict rests on it.
    """
    file = run / TEST_CURVE
    if not file.is_file():
        return None
    lines = [Stored(file, line) for line in read_lines(file)]
    return max((line.number("test_accuracy", 0, 100) for line in lines), default=None)
