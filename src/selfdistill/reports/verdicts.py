"""What the figures allow to say, in words."""

from collections.abc import Sequence

from .comparison import CONTROL, HEADLINE
from .entries import Entry

NAMES = {CONTROL: "cross-entropy"}


def signed(points: float, digits: int = 2) -> str:
    """A difference with its sign; never a negative zero."""
    return f"{round(points, digits) + 0.0:+.{digits}f}".replace("-", "−")


def verdict_words(entry: Entry) -> str:
    """The cell beside a row's difference."""
    if entry.line.is_control:
        return "reference"
    if entry.line.difference is None:
        parts = ", ".join(part.replace("_", " ") for part in entry.line.differs)
        return f"not compared: other {parts}" if parts else "nothing to compare with"
    return entry.verdict or f"no verdict {entry.line.difference.obstacle}"


def headline(entries: Sequence[Entry], split: str) -> str:
    """One sentence: what was gained over cross-entropy, lost, or cannot be told."""
    compared = [entry for entry in entries if entry.line.difference is not None]
    leading = [entry for entry in compared if entry.method == HEADLINE]
    if len(leading) == 1:
        return _pair(leading[0], split)
    if len(compared) == 1:
        return _pair(compared[0], split)
    return _count(compared) if compared else _alone(entries, split)


def _pair(entry: Entry, split: str) -> str:
    assert entry.line.difference is not None
    assert entry.control is not None
    mean, interval, _ = entry.line.difference
    name, split = entry.label, f"{split} accuracy"
    own, other = entry.line.accuracy.mean, entry.control.line.accuracy.mean
    seeds = len(entry.line.seeds), len(entry.control.line.seeds)
    runs = f"{seeds[0]} and {seeds[1]} seeds"
    if seeds[0] == seeds[1]:
        runs = "one seed each" if seeds[0] == 1 else f"{seeds[0]} seeds each"
    figures = f"{own:.2f} % against {other:.2f} % {split}, {runs}"
    if entry.verdict is None:
        return f"No verdict on {name} against cross-entropy: {figures}; {_why(entry)}."
    assert interval is not None
    span = f"95 % interval {signed(interval[0])} to {signed(interval[1])}"
    if entry.verdict == "not distinguishable":
        return (
            f"{name} and cross-entropy are not distinguishable: {figures}, a difference of "
            f"{signed(mean)} points ({span})."
        )
    size = f"{abs(mean):.2f} points"
    return f"{name} is {size} {entry.verdict} than cross-entropy: {figures} ({span})."


def _why(entry: Entry) -> str:
    assert entry.line.difference is not None
    assert entry.control is not None
    if min(len(entry.line.seeds), len(entry.control.line.seeds)) < entry.seeds_needed:
        return f"a verdict takes {entry.seeds_needed} seeds each"
    return f"none is given {entry.line.difference.obstacle}"


def _count(compared: Sequence[Entry]) -> str:
    verdicts = [entry.verdict for entry in compared]
    kinds = [
        (verdicts.count("better"), "better"),
        (verdicts.count("worse"), "worse"),
        (verdicts.count("not distinguishable"), "not distinguishable"),
        (verdicts.count(None), "without a verdict"),
    ]
    parts = ", ".join(f"{count} {words}" for count, words in kinds if count)
    return f"Against cross-entropy, of {len(compared)} rows: {parts}."


def _alone(entries: Sequence[Entry], split: str) -> str:
    if len(entries) > 1:
        return f"{len(entries)} rows, none of which can be compared with cross-entropy."
    (entry,) = entries
    mean, sd = entry.line.accuracy
    name = NAMES.get(entry.label, entry.label)
    amount = f"{mean:.2f} %" if sd is None else f"{mean:.2f} ± {sd:.2f} %"
    runs = "one run" if len(entry.runs) == 1 else f"{len(entry.runs)} seeds"
    return f"Nothing to compare with: {name} alone, {amount} {split} accuracy, {runs}."
