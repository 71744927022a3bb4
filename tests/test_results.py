"""Committed summaries go on meaning what they meant when recipes had fewer fields."""

import json
from pathlib import Path

import pytest

from selfdistill.config import Recipe
from selfdistill.config.resolving import ADDED
from selfdistill.reports import read
from selfdistill.runs import flatten

RESULTS = Path(__file__).parents[1] / "results"


@pytest.mark.parametrize("study", sorted({file.parent.name for file in RESULTS.glob("*/*.json")}))
def test_reports_read_an_older_recipe_as_training_does(study):
    oldest = min((RESULTS / study).glob("*.json"), key=_began)
    stored = json.loads(oldest.read_text())["recipe"]
    today = flatten(Recipe.from_dict(stored, where=oldest).values)
    known = {k: v for k, v in read(oldest).fields.items() if k != "data.split_hash"}
    assert known == ADDED | {k: v for k, v in today.items() if k not in ("seed", "format")}


def _began(summary: Path) -> str:
    return json.loads(summary.read_text())["environment"]["started"]
