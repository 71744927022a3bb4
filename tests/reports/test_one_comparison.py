"""A command compares once: the integration behind its intervals is not repeated."""

import pytest

from selfdistill import cli, studies
from selfdistill.reports import statistics
from selfdistill.studies import Outcome


@pytest.fixture
def integrations(monkeypatch):
    calls = []
    critical_value = statistics.critical_value

    def counted(loadings, freedom):
        calls.append(freedom)
        return critical_value(loadings, freedom)

    monkeypatch.setattr(statistics, "critical_value", counted)
    return calls


@pytest.fixture
def runs(directory):
    """Two rows of three seeds, each compared with a third one."""
    means = {"CrossEntropy": 79, "BYOT": 81, "CSKD": 80}
    return [directory(m, seed=k, accuracy=a + k) for m, a in means.items() for k in range(3)]


def test_compare_integrates_once_for_each_row(runs, integrations, capsys):
    assert cli.main(["compare", *map(str, runs)]) == 0
    assert "not distinguishable" in " ".join(capsys.readouterr().out.split())
    assert len(integrations) == 2


def test_a_report_integrates_once_for_each_row(runs, integrations, tmp_path):
    assert cli.main(["report", *map(str, runs), "--to", str(tmp_path / "page")]) == 0
    assert len(integrations) == 2


def test_the_end_of_a_study_integrates_once_for_each_row(
    runs, integrations, tmp_path, monkeypatch, capsys
):
    outcome = Outcome(summaries=runs, missing={}, failed=0, code=0)
    monkeypatch.setattr(studies.StudyRunner, "run", lambda runner, seconds: outcome)
    assert cli.main(["quickstart", "--out", str(tmp_path)]) == 0
    assert "Against cross-entropy, of 2 rows: " in capsys.readouterr().out
    assert len(integrations) == 2
