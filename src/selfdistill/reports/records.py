"""A comparison as numbers for programs: CSV, JSON."""

import csv
import io
import json
import math

from ..terminal import csv_text
from .lines import Comparison, Line
from .table import Kind


def as_csv(comparison: Comparison) -> str:
    """Render numbers in full precision, one line a row; what is unknown is empty."""
    records = [_record(line) for line in comparison.lines]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        joined = {k: " ".join(map(str, v)) for k, v in record.items() if isinstance(v, tuple)}
        cells = record | joined
        writer.writerow({k: csv_text(v) if isinstance(v, str) else v for k, v in cells.items()})
    return file.getvalue()


def as_json(comparison: Comparison, *, table: Kind = "compare") -> str:
    """Render numbers in full precision; what is unknown or not finite is ``null``."""
    records = [
        _record(line) | (_published(line) if table == "report" else {}) for line in comparison.lines
    ]
    rows = [
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        for row in records
    ]
    content = {"split": comparison.split, "rows": rows, "notes": comparison.notes}
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _record(line: Line) -> dict[str, object]:
    difference = line.difference
    low, high = (difference and difference.interval) or (None, None)
    return {
        "method": line.label,
        "seeds": line.seeds,
        "accuracy": line.accuracy.mean,
        "accuracy_sd": line.accuracy.sd,
        "difference": difference and difference.mean,
        "difference_low": low,
        "difference_high": high,
        "difference_to": line.control and line.control.label,
        "verdict": difference and difference.verdict,
        "differs": line.differs,
        "nll": line.nll,
        "ece": line.ece,
        "parameters": line.parameters,
        "training_parameters": line.training_parameters,
        "seconds": line.seconds,
        "step_ratio": line.step_ratio,
    }


def _published(line: Line) -> dict[str, object]:
    return {
        "paper": line.paper,
        "legacy_best_test_epoch": line.legacy and line.legacy.mean,
        "sampling_error": line.sampling,
    }
