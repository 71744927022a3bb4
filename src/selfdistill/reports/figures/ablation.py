"""The learned attention against every other kind."""

from collections.abc import Sequence

from ..content import Table
from ..entries import Entry
from ..labels import Fields
from ..statistics import differences
from ..table import plus_minus
from ..verdicts import signed

KIND = "method.attention"
LEARNED = "learned"


def ablations(entries: Sequence[Entry], split: str) -> list[Table]:
    """Learned shares against every other kind, all else equal."""
    tables: list[Table] = []
    for learned in (e for e in entries if _kind(e) == LEARNED):
        others = [e for e in entries if _kind(e) != LEARNED and _rest(e) == _rest(learned)]
        if not others:
            continue
        own = _accuracies(learned, split)
        found = differences(own, [_accuracies(e, split) for e in others])
        rows = [(LEARNED, str(len(own)), plus_minus(learned.line.accuracy), "reference", "")]
        for entry, test in zip(others, found, strict=True):
            span = "" if test.interval is None else " [{}, {}]".format(*map(signed, test.interval))
            verdict = test.verdict or f"no verdict {test.obstacle}"
            accuracy = plus_minus(entry.line.accuracy)
            kind = str(_kind(entry)).replace("_", " ")
            rows.append((kind, str(len(entry.runs)), accuracy, signed(test.mean) + span, verdict))
        tables.append(
            Table(
                f"{learned.label}: every other kind of attention against the learned one, all "
                "else equal (accuracy in %, difference in points, 95 % interval).",
                ("attention", "seeds", "accuracy", "difference to learned", "verdict"),
                tuple(rows),
                words=frozenset({0, 4}),
            )
        )
    return tables


def _kind(entry: Entry) -> object:
    return entry.runs[0].summary.fields.get(KIND)


def _rest(entry: Entry) -> Fields | None:
    fields = dict(entry.runs[0].summary.fields)
    return None if fields.pop(KIND, None) is None else fields


def _accuracies(entry: Entry, split: str) -> list[float]:
    return [run.summary.scores[split].accuracy for run in entry.runs]
