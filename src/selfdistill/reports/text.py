"""A comparison in words: verdicts, the headline, the notes below a table."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from .comparison import (
    CONTROL,
    MAIN_METHOD,
    MAIN_METHOD_SEEDS,
    Comparison,
    Row,
    seeds_needed,
)
from .grouping import Labels
from .statistics import MIN_SEEDS, Difference, Spread, spread

TableKind = Literal["compare", "report"]
"""Which table: that of ``compare``, or that of a report."""
ABSENT = "–"
MAX_NAMES = 2
"""Rows that a note lists by name."""
MAX_PARTS = 3
DUNNETT = "Dunnett, unpooled"
"""Joint intervals as :func:`selfdistill.reports.statistics.differences` makes them."""


def signed(points: float, digits: int = 2) -> str:
    """A difference with its sign; never a negative zero."""
    return f"{round(points, digits) + 0.0:+.{digits}f}".replace("-", "−")


def plus_minus(value: Spread | None, digits: int = 2) -> str:
    """A mean, and its standard deviation over seeds where there is one."""
    if value is None:
        return ABSENT
    mean, sd = value
    return f"{mean:.{digits}f}" if sd is None else f"{mean:.{digits}f} ± {sd:.{digits}f}"


def seeds_plus_minus(values: Sequence[float], digits: int = 2) -> str:
    """The same of the figures of single seeds, which may be none."""
    return plus_minus(spread(values) if values else None, digits)


def difference_words(difference: Difference) -> str:
    """A difference in points, with its interval where there is one."""
    mean, interval, _ = difference
    span = f" [{signed(interval[0])}, {signed(interval[1])}]" if interval else ""
    return f"{signed(mean)}{span}"


def verdict_or_obstacle(difference: Difference) -> str:
    """A difference's verdict, or why there is none."""
    return difference.verdict or f"no verdict {difference.obstacle}"


def verdict_words(row: Row) -> str:
    """The cell beside a row's difference."""
    if row.is_control:
        return "reference"
    if row.difference is None:
        parts = ", ".join(part.replace("_", " ") for part in row.differs)
        return f"not compared: other {parts}" if parts else ABSENT
    return verdict_or_obstacle(row.difference)


def headline(comparison: Comparison) -> str:
    """One sentence: what was gained over cross-entropy or lost, or why there is no verdict."""
    compared = [row for row in comparison.rows if row.control is not None]
    for candidates in ([row for row in compared if row.method == MAIN_METHOD], compared):
        if len(candidates) == 1:
            return _pair(candidates[0])
    return _counts(compared) if compared else _uncompared(comparison.rows)


def _pair(row: Row) -> str:
    assert row.difference is not None
    assert row.control is not None
    (mean, interval, obstacle), verdict = row.difference, row.verdict
    name, other = row.label, row.control.name
    seeds = len(row.seeds), len(row.control.seeds)
    runs = f"{seeds[0]} and {seeds[1]} seeds"
    if seeds[0] == seeds[1]:
        runs = "one seed each" if seeds[0] == 1 else f"{seeds[0]} seeds each"
    accuracies = f"{row.accuracy.mean:.2f} % against {row.control.accuracy.mean:.2f} %"
    figures = f"{accuracies} {row.split} accuracy, {runs}"
    if verdict is None:
        needed = seeds_needed(row.method, row.control.method)
        enough = min(seeds) >= needed
        why = f"none is given {obstacle}" if enough else f"a verdict takes {needed} seeds each"
        return f"No verdict on {name} against {other}: {figures}; {why}."
    assert interval is not None
    span = f"95 % interval {signed(interval[0])} to {signed(interval[1])}"
    if verdict == "not distinguishable":
        return (
            f"{name} and {other} are not distinguishable: {figures}, a difference of "
            f"{signed(mean)} points ({span})."
        )
    return f"{name} is {abs(mean):.2f} points {verdict} than {other}: {figures} ({span})."


def _counts(compared: Sequence[Row]) -> str:
    counts = Counter(row.verdict or "without a verdict" for row in compared)
    kinds = ("better", "worse", "not distinguishable", "without a verdict")
    parts = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])
    return f"Against cross-entropy, of {len(compared)} rows: {parts}."


def _uncompared(rows: Sequence[Row]) -> str:
    if len(rows) > 1:
        return f"{len(rows)} rows, none of which can be compared with cross-entropy."
    row = rows[0]
    accuracy = f"{plus_minus(row.accuracy)} % {row.split} accuracy"
    runs = "one run" if len(row.runs) == 1 else f"{len(row.runs)} seeds"
    return f"Nothing to compare with: {row.name} alone, {accuracy}, {runs}."


def needs_predictions(subject: str, split: str) -> str:
    """A sentence for a section that cannot show predictions."""
    if split == "test":
        return f"{subject} the test images' predictions, which no run holds."
    return (
        f"{subject} predictions; runs keep those of test images, and this page is about {split} "
        "images."
    )


def notes(comparison: Comparison, table: TableKind = "compare") -> list[str]:
    """Lines below the table: what its numbers are and what its labels leave out."""
    specific = _compare_notes if table == "compare" else _report_notes
    return [*specific(comparison), *_label_notes(comparison.rows)]


def _compare_notes(comparison: Comparison) -> list[str]:
    rows, split = comparison.rows, comparison.split
    lines = [f"{split} split, last epoch; accuracy and ECE in percent, ± standard deviation"]
    intervals, to_what = _interval_words(rows), _to_what(comparison)
    if intervals or to_what:
        lines.append(f"differences{to_what} in points{intervals and f', with {intervals}'}")
    if size := _common_size(rows):
        error = max(row.sampling_error or 0.0 for row in rows)
        lines.append(f"{size:,} {split} images: sampling error up to ±{error:.2f} points")
    if any(row.scaled_nll is not None for row in rows):
        lines.append("scaled: logits divided by one temperature, fitted on validation images")
    if any(row.step_ratio is not None for row in rows if not row.is_control):
        lines.append("step ratio across processes: an indication, no benchmark")
    return lines


def _report_notes(comparison: Comparison) -> list[str]:
    rows, split = comparison.rows, comparison.split
    lines: list[str] = []
    if any(row.difference is not None for row in rows):
        intervals = _interval_words(rows)
        to_what = _to_what(comparison) or " to the cross-entropy row of the same setting"
        lines.append(f"difference: of the means,{to_what}{intervals and f'; {intervals}'}")
        lines.append(
            f"a verdict takes {MIN_SEEDS} seeds in both rows, {MAIN_METHOD_SEEDS} for {MAIN_METHOD}"
        )
    if any(row.sampling_error is not None for row in rows):
        size = _common_size(rows)
        images = f"{size:,} {split} images" if size else f"{split} images"
        lines.append(f"sampling error: one standard error by the choice of {images}")
    if any(row.paper is not None for row in rows):
        lines.append("paper: as published, from other code and machines")
    if any(row.best_test_epoch is not None for row in rows):
        lines.append("legacy: chosen by the test images, so too high; nothing here rests on it")
    return [*lines, *_seed_notes(rows)]


def _interval_words(rows: Sequence[Row]) -> str:
    """Name the kind of the intervals: joint for each control that has several; empty if none."""
    by_control = Counter(
        row.control.label
        for row in rows
        if row.control is not None and row.difference and row.difference.interval
    )
    sizes = list(by_control.values())
    if not sizes:
        return ""
    if len(sizes) == 1:
        joint = sizes[0] > 1
        return f"{'joint ' * joint}95 % intervals over seeds ({DUNNETT if joint else 'Welch'})"
    if max(sizes) == 1:
        return "95 % intervals over seeds, each of a single pair (Welch)"
    single = ", of a single pair Welch's" if min(sizes) == 1 else ""
    return f"95 % intervals over seeds, joint for each cross-entropy row ({DUNNETT}){single}"


def _to_what(comparison: Comparison) -> str:
    """Name the control, unless it is cross-entropy, which column titles say already."""
    others = any(row.is_control and row.method != CONTROL for row in comparison.rows)
    return f" to {comparison.control_name} (there is no cross-entropy)" if others else ""


def _common_size(rows: Sequence[Row]) -> int | None:
    """Number of images; None if rows differ."""
    sizes = {row.images for row in rows}
    return sizes.pop() if len(sizes) == 1 else None


def _seed_notes(rows: Sequence[Row]) -> list[str]:
    """Which rows have other seeds than most."""
    labels: dict[tuple[int, ...], list[str]] = {}
    for row in rows:
        labels.setdefault(row.seeds, []).append(row.label)
    if len(labels) == 1:
        return []
    most = max(labels, key=len)
    others = sorted((seeds for seeds in labels if seeds != most), key=lambda seeds: -len(seeds))
    parts = [f"{_named(labels[seeds])} {_span(seeds)}" for seeds in others[:MAX_PARTS]]
    if further := [label for seeds in others[MAX_PARTS:] for label in labels[seeds]]:
        parts.append(f"{_named(further)} fewer or others")
    return [f"seeds: {_span(most)}, but {', '.join(parts)}"]


def _named(labels: Sequence[str]) -> str:
    return " and ".join(labels) if len(labels) <= MAX_NAMES else f"{len(labels)} rows"


def _span(seeds: Sequence[int]) -> str:
    """``0–4 and 7``."""
    firsts = [seed for seed in seeds if seed - 1 not in seeds]
    lasts = [seed for seed in seeds if seed + 1 not in seeds]
    return " and ".join(
        f"{a}" if a == b else f"{a}–{b}" for a, b in zip(firsts, lasts, strict=True)
    )


def _label_notes(rows: Sequence[Row]) -> list[str]:
    """Weights that differ by seed, and the fields that labels leave out."""
    labels: dict[str, list[str]] = {}
    for row in rows:
        for field in row.weights_by_seed:
            labels.setdefault(field, []).append(row.label)
    by_seed = [
        f"{field.rpartition('.')[2]}: other weights for each seed ({_named(named)})"
        for field, named in labels.items()
    ]
    shared = Labels([row.runs[0].fields for row in rows]).left_out()
    return [*by_seed, *([f"where a label says nothing else: {shared}"] if shared else [])]
