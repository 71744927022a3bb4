"""What a reader of a results table has to know."""

from collections import Counter
from collections.abc import Sequence

from .labels import unsaid
from .lines import CONTROL, HEADLINE, HEADLINE_SEEDS, Line, control_name
from .statistics import FEWEST_SEEDS

MOST_NAMES = 2
"""Rows that a note names one by one, of those alike."""
MOST_PARTS = 3
DUNNETT = "Dunnett, unpooled"
"""Joint intervals as :func:`selfdistill.reports.statistics.differences` makes them."""


def comparison_notes(lines: Sequence[Line], split: str) -> list[str]:
    """Below the table of ``compare``."""
    found = [f"{split} split, last epoch; accuracy and ECE in percent, ± standard deviation"]
    if any(_tested(lines).values()):
        found.append(f"differences{_to_what(lines)} in points, with {_intervals(lines)}")
    elif to_what := _to_what(lines):
        found.append(f"differences{to_what} in points")
    if sizes := _sizes(lines):
        error = max(line.sampling or 0.0 for line in lines)
        found.append(f"{sizes[0]:,} {split} images: sampling error up to ±{error:.2f} points")
    if any(line.step_ratio is not None for line in lines if not line.is_control):
        found.append("step ratio across processes: an indication, no benchmark")
    return [*found, *_about_rows(lines)]


def report_notes(lines: Sequence[Line], split: str) -> list[str]:
    """Below the table of a report."""
    found: list[str] = []
    if any(line.difference is not None for line in lines):
        intervals = f"; {_intervals(lines)}" if any(_tested(lines).values()) else ""
        to_what = _to_what(lines) or " to the cross-entropy row of the same setting"
        found.append(f"difference: of the means,{to_what}{intervals}")
        found.append(
            f"a verdict takes {FEWEST_SEEDS} seeds in both rows, {HEADLINE_SEEDS} for {HEADLINE}"
        )
    if any(line.sampling is not None for line in lines):
        size = "".join(f"{count:,} " for count in _sizes(lines))
        found.append(f"sampling error: one standard error by the choice of {size}{split} images")
    if any(line.paper is not None for line in lines):
        found.append("paper: as published, from other code and machines")
    if any(line.legacy is not None for line in lines):
        found.append("legacy: chosen by the test images, so too high; nothing here rests on it")
    return [*found, *_seeds(lines), *_about_rows(lines)]


def _tested(lines: Sequence[Line]) -> Counter[str]:
    """Intervals by the label of the control that they share."""
    return Counter(
        line.control.label
        for line in lines
        if line.control is not None and line.difference and line.difference.interval
    )


def _intervals(lines: Sequence[Line]) -> str:
    """What the intervals are: each control's are joint, if they are several."""
    sizes = list(_tested(lines).values())
    if len(sizes) == 1:
        joint = sizes[0] > 1
        return f"{'joint ' * joint}95 % intervals over seeds ({DUNNETT if joint else 'Welch'})"
    if max(sizes) == 1:
        return "95 % intervals over seeds, each of a single pair (Welch)"
    single = ", of a single pair Welch's" if min(sizes) == 1 else ""
    return f"95 % intervals over seeds, joint for each cross-entropy row ({DUNNETT}){single}"


def _to_what(lines: Sequence[Line]) -> str:
    """Nothing where it is cross-entropy, which heads say."""
    others = [line for line in lines if line.is_control and line.method != CONTROL]
    return f" to {control_name(others)} (there is no cross-entropy)" if others else ""


def _sizes(lines: Sequence[Line]) -> list[int]:
    """The number of images, where all rows tell the same."""
    sizes = {line.images for line in lines}
    return [size for size in sizes if size is not None] if len(sizes) == 1 else []


def _seeds(lines: Sequence[Line]) -> list[str]:
    """Which seeds rows have, where not all have the same."""
    rows: dict[tuple[int, ...], list[str]] = {}
    for line in lines:
        rows.setdefault(line.seeds, []).append(line.label)
    if len(rows) == 1:
        return []
    most = max(rows, key=len)
    others = sorted((seeds for seeds in rows if seeds != most), key=lambda seeds: -len(seeds))
    parts = [f"{_named(rows[seeds])} {_span(seeds)}" for seeds in others[:MOST_PARTS]]
    if further := [label for seeds in others[MOST_PARTS:] for label in rows[seeds]]:
        parts.append(f"{_named(further)} fewer or others")
    return [f"seeds: {_span(most)}, but {', '.join(parts)}"]


def _named(labels: Sequence[str]) -> str:
    return " and ".join(labels) if len(labels) <= MOST_NAMES else f"{len(labels)} rows"


def _span(seeds: Sequence[int]) -> str:
    """``0–4 and 7``."""
    firsts = [seed for seed in seeds if seed - 1 not in seeds]
    lasts = [seed for seed in seeds if seed + 1 not in seeds]
    return " and ".join(
        f"{a}" if a == b else f"{a}–{b}" for a, b in zip(firsts, lasts, strict=True)
    )


def _about_rows(lines: Sequence[Line]) -> list[str]:
    """What the labels leave out."""
    rows: dict[str, list[str]] = {}
    for line in lines:
        for field in line.weights_by_seed:
            rows.setdefault(field, []).append(line.label)
    own = [
        f"{field.rpartition('.')[2]}: other weights for each seed ({_named(labels)})"
        for field, labels in rows.items()
    ]
    common = unsaid([line.runs[0].fields for line in lines])
    return [*own, *([f"where a label says nothing else: {common}"] if common else [])]
