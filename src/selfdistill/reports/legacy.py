"""The best test epoch, which published tables used to report: for the column that says so."""

import json
from pathlib import Path

TEST_CURVE = "test_curve.jsonl"


def best_test_epoch(run: Path) -> float | None:
    """Highest test accuracy of all epochs, percent; None where it was not recorded.

    It is chosen by the test images, hence too high: no difference and no verdict rests on it.
    """
    file = run / TEST_CURVE
    if not file.is_file():
        return None
    lines = file.read_bytes().splitlines(keepends=True)
    whole = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return max((float(line["test_accuracy"]) for line in whole), default=None)
