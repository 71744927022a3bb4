"""docs/reliability.md says what the last run of the harness left, and nothing else."""

import importlib.util
import json
from pathlib import Path

import pytest

from torture.attempts import PROMISES, Attempt, Ground, attack, fault, promise
from torture.children import Answer
from torture.points import choose
from torture.table import rows, table

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate_reliability.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_results_say(generate):
    content = json.loads((DOCS / "reliability.json").read_text())
    assert (DOCS / "reliability.md").read_text() == generate.page(content)


def _result(**fields):
    plain = {"code": "R1", "text": "kept", "attempts": 2, "failed": 0, "held": True}
    return {**plain, "outcomes": {"the same": 2}, **fields}


def test_parts_of_a_promise_are_one_row_that_one_failure_breaks():
    results = [_result(), _result(failed=1, held=False, outcomes={"the same": 1, "refused": 1})]
    [(_, row)] = rows(results)
    assert row["attempts"] == 4
    assert not row["held"]
    assert row["outcomes"] == {"the same": 3, "refused": 1}
    assert "**no** (1 failed)" in table({"results": results})


@pytest.mark.parametrize(
    ("attempts", "held"),
    [([], False), ([Attempt("x")], True), ([Attempt("x"), Attempt("y", "broken")], False)],
)
def test_a_promise_is_held_if_there_were_attempts_and_all_held(
    tmp_path, monkeypatch, attempts, held
):
    monkeypatch.setattr("torture.attempts.PROMISES", dict(PROMISES))

    @promise("R0", "nothing")
    def trial(ground):
        yield from attempts

    assert attack("trial", Ground(tmp_path, full=False))["held"] is held


LINE = "selfdistill: cannot write x\n"


@pytest.mark.parametrize(
    ("answer", "broken"),
    [
        (Answer(0, "", "", 1), False),
        (Answer(4, "", LINE, 1), False),
        (Answer(4, "", f"warning: y\n{LINE}", 1), False),
        (Answer(1, "", LINE, 1), True),
        (Answer(4, "", "", 1), True),
        (Answer(4, "", LINE * 2, 1), True),
        (Answer(2, "", f"Traceback (most recent call last):\n{LINE}", 1), True),
        (Answer(2, "", "selfdistill: \x1b[31mred\n", 1), True),
    ],
)
def test_what_is_not_one_line_with_a_documented_code_is_a_fault(answer, broken):
    assert (fault(answer) is not None) is broken


def test_moments_are_chosen_evenly_over_their_kinds(tmp_path):
    moments = ["before fsync a"] * 50 + ["after unlink 001.pt", "after unlink 002.pt"]
    chosen, kinds = choose(moments, 4, Ground(tmp_path, full=False).random)
    assert kinds == 2
    assert sorted(number > 50 for number in chosen) == [False, False, True, True]
