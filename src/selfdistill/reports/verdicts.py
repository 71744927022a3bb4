"""What the figures allow to say, in words."""

from collections.abc import Sequence

from .entries import Entry
from .lines import HEADLINE, Line, seeds_needed

ABSENT = "–"


def signed(points: float, digits: int = 2) -> str:
    """A difference with its sign; never a negative zero."""
    return f"{round(points, digits) + 0.0:+.{digits}f}".replace("-", "−")


def verdict_words(line: Line) -> str:
    """The cell beside a row's difference."""
    if line.is_control:
        return "reference"
    if line.difference is None:
        parts = ", ".join(part.replace("_", " ") for part in line.differs)
        return f"not compared: other {parts}" if parts else ABSENT
    return line.difference.verdict or f"no verdict {line.difference.obstacle}"


def headline(entries: Sequence[Entry], split: str) -> str:
    """One sentence: what was gained over cross-entropy, lost, or cannot be told."""
    lines = [entry.line for entry in entries]
    compared = [line for line in lines if line.control is not None]
    for candidates in ([line for line in compared if line.method == HEADLINE], compared):
        if len(candidates) == 1:
            return _pair(candidates[0], split)
    return _count(compared) if compared else _alone(lines, split)


def _pair(line: Line, split: str) -> str:
    assert line.difference is not None
    assert line.control is not None
    mean, interval, _ = line.difference
    name, other, verdict = line.label, line.control.name, line.difference.verdict
    seeds = len(line.seeds), len(line.control.seeds)
    runs = f"{seeds[0]} and {seeds[1]} seeds"
    if seeds[0] == seeds[1]:
        runs = "one seed each" if seeds[0] == 1 else f"{seeds[0]} seeds each"
    accuracies = f"{line.accuracy.mean:.2f} % against {line.control.accuracy.mean:.2f} %"
    figures = f"{accuracies} {split} accuracy, {runs}"
    if verdict is None:
        return f"No verdict on {name} against {other}: {figures}; {_why(line, line.control)}."
    assert interval is not None
    span = f"95 % interval {signed(interval[0])} to {signed(interval[1])}"
    if verdict == "not distinguishable":
        return (
            f"{name} and {other} are not distinguishable: {figures}, a difference of "
            f"{signed(mean)} points ({span})."
        )
    return f"{name} is {abs(mean):.2f} points {verdict} than {other}: {figures} ({span})."


def _why(line: Line, control: Line) -> str:
    assert line.difference is not None
    needed = seeds_needed(line.method, control.method)
    if min(len(line.seeds), len(control.seeds)) < needed:
        return f"a verdict takes {needed} seeds each"
    return f"none is given {line.difference.obstacle}"


def _count(compared: Sequence[Line]) -> str:
    verdicts = [line.difference.verdict for line in compared if line.difference is not None]
    kinds = [
        (verdicts.count("better"), "better"),
        (verdicts.count("worse"), "worse"),
        (verdicts.count("not distinguishable"), "not distinguishable"),
        (verdicts.count(None), "without a verdict"),
    ]
    parts = ", ".join(f"{count} {words}" for count, words in kinds if count)
    return f"Against cross-entropy, of {len(compared)} rows: {parts}."


def _alone(lines: Sequence[Line], split: str) -> str:
    if len(lines) > 1:
        return f"{len(lines)} rows, none of which can be compared with cross-entropy."
    (line,) = lines
    mean, sd = line.accuracy
    amount = f"{mean:.2f} %" if sd is None else f"{mean:.2f} ± {sd:.2f} %"
    runs = "one run" if len(line.runs) == 1 else f"{len(line.runs)} seeds"
    return f"Nothing to compare with: {line.name} alone, {amount} {split} accuracy, {runs}."
