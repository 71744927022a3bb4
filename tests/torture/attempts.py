"""Promises, the attempts to break them, and what came of those."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from .children import DOCUMENTED

SHOWN_FAILURES = 40


class Attempt(NamedTuple):
    """One attempt to break a promise.

    Args:
        what: What was done.
        wrong: How the promise was broken; None if it held.
        outcome: What came of it, in a few words that many attempts share.
    """

    what: str
    wrong: str | None = None
    outcome: str = "the same"


@dataclass
class Ground:
    """Where attempts take place, and how many.

    Args:
        folder: An empty folder.
        full: All attempts; else a few of every kind.
        seed: Of the choice among them.
    """

    folder: Path
    full: bool
    seed: int = 0
    random: Random = field(init=False)

    def __post_init__(self):
        self.random = Random(self.seed)

    def of(self, small, full):
        """A number of attempts."""
        return full if self.full else small

    def some(self, values, count):
        """All values, or a few of them in the small tier."""
        values = list(values)
        if self.full or len(values) <= count:
            return values
        return sorted(self.random.sample(values, count), key=values.index)


@dataclass(frozen=True)
class Promise:
    """What is promised, and the function that tries to break it.

    Args:
        code: Its number.
        text: The promise, in a line.
        attack: Yields attempts.
        parts: What it is repeated for; one nameless part by default.
        few: The parts of the small tier.
    """

    code: str
    text: str
    attack: Callable[..., Iterator[Attempt]]
    parts: tuple[str, ...]
    few: tuple[str, ...]


PROMISES: dict[str, Promise] = {}
"""All promises by name; a part's name follows a slash."""


def promise(code, text, *, parts=("",), few=("",)):
    """Register a function that yields attempts to break a promise."""

    def register(attack):
        PROMISES[attack.__name__] = Promise(code, text, attack, tuple(parts), tuple(few))
        return attack

    return register


def tasks(*, full):
    """Names of everything that can be run by itself."""
    return [
        f"{name}/{part}" if part else name
        for name, promised in PROMISES.items()
        for part in (promised.parts if full else promised.few)
    ]


def attack(task, ground):
    """Run a task; its result as plain values."""
    name, _, part = task.partition("/")
    promised = PROMISES[name]
    attempts = list(promised.attack(ground, part) if part else promised.attack(ground))
    failed = [f"{attempt.what}: {attempt.wrong}" for attempt in attempts if attempt.wrong]
    return {
        "code": promised.code,
        "text": promised.text,
        "attempts": len(attempts),
        "failed": len(failed),
        "held": bool(attempts) and not failed,
        "outcomes": dict(Counter(a.outcome for a in attempts if not a.wrong).most_common()),
        "failures": failed[:SHOWN_FAILURES],
    }


def fault(answer):
    """What breaks the promise that a command ends well or in one line; None if nothing does."""
    if answer.traceback:
        return f"a traceback: {answer.last[:200]}"
    if answer.code not in DOCUMENTED:
        return f"exit code {answer.code}: {answer.last[:200]}"
    if answer.code and not answer.killed and len(answer.errors) != 1:
        return f"{len(answer.errors)} lines of error with code {answer.code}: {answer.last[:200]}"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f\x9b]", answer.err.replace("\r", "")):
        return f"control characters: {answer.last[:200]!r}"
    return None


def refused(what, answer, *names, codes=(2, 3, 4, 5)):
    """An attempt that has to end in one line with a documented code that holds the names."""
    wrong = fault(answer)
    if wrong is None and answer.code not in codes:
        wrong = f"exit code {answer.code}, expected {' or '.join(map(str, codes))}: {answer.last}"
    missing = [str(name) for name in names if answer.code and str(name) not in answer.err]
    if wrong is None and missing:
        wrong = f"does not name {', '.join(missing)}: {answer.last[:200]}"
    return Attempt(what, wrong, "refused")
