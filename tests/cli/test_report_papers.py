"""Published figures find the rows of a study's cells, whatever the rows are called."""

import pytest

from selfdistill.cli.tables import _papers
from selfdistill.studies import StudyRunner
from selfdistill.studies.grid import from_plain


@pytest.fixture
def runner(tmp_path):
    study = from_plain(
        {
            "config": "digits",
            "seeds": 2,
            "cells": {
                "CrossEntropy": {"method": "CrossEntropy"},
                "SKDSAM": {"method": "SKDSAM"},
                "SKDSAM + Cutout": {"method": "SKDSAM", "seeds": [3]},
            },
            "papers": {"SKDSAM": 80.51, "SKDSAM + Cutout": 81.77},
        },
        "thesis",
    )
    return StudyRunner(study, out=tmp_path, results=None, jobs=1, further=(), say=lambda line: None)


def test_cells_give_their_figure_to_their_runs(runner, tmp_path):
    places = ["CrossEntropy/seed0", "SKDSAM/seed1", "SKDSAM-Cutout/seed3"]
    for place in places:
        (tmp_path / "thesis" / place).mkdir(parents=True)
        (tmp_path / "thesis" / place / "summary.json").write_text("{}")
    assert _papers(runner) == {
        tmp_path / "thesis" / "SKDSAM/seed1": 80.51,
        tmp_path / "thesis" / "SKDSAM-Cutout/seed3": 81.77,
    }
