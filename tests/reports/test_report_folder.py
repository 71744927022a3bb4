"""A report replaces reports, and nothing else; files that changed since a run ended are named."""

import hashlib
import json
import os

import pytest

from selfdistill.failures import StorageFailure
from selfdistill.reports.page import write_report


@pytest.mark.parametrize("name", ["index.html", "table.tex", "figures/accuracy.svg", "table.md"])
def test_files_of_others_are_not_replaced(directory, tmp_path, name):
    out, run = tmp_path / "paper", directory()
    made = write_report([run], tmp_path / "made", title="x").parent
    if name.startswith("figures"):
        name = f"figures/{next((made / 'figures').iterdir()).name}"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("<html>my thesis</html>")
    with pytest.raises(ValueError, match=f"{name} is not part of a report"):
        write_report([run], out, title="x")
    assert [str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()] == [name]


def test_other_files_beside_a_report_stay_and_a_report_is_replaced(directory, tmp_path):
    out, run = tmp_path / "out", directory()
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "mine.svg").write_text("mine")
    write_report([run], out, title="one")
    page = write_report([run], out, title="two")
    assert "two" in page.read_text()
    assert (out / "figures" / "mine.svg").read_text() == "mine"


def test_a_linked_folder_of_figures_is_refused(directory, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "out" / "figures").symlink_to(tmp_path / "pictures")
    with pytest.raises(ValueError, match="is a link"):
        write_report([directory()], tmp_path / "out", title="x")
    assert not list((tmp_path / "pictures").iterdir())


def test_a_full_disk_is_told_with_path_and_bytes(directory, tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    run = directory()
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFailure, match=r"out/.*No space left.*bytes needed"):
        write_report([run], tmp_path / "out", title="x")


def test_predictions_that_changed_since_the_run_ended_are_named(directory, tmp_path):
    runs = [directory(seed=seed) for seed in (0, 1)]
    summary = json.loads((runs[0] / "summary.json").read_text())
    known = hashlib.sha256((runs[1] / "predictions.npz").read_bytes()).hexdigest()
    summary["files"] = {"predictions.npz": f"sha256:{known}"}
    (runs[0] / "summary.json").write_text(json.dumps(summary))
    said = []
    write_report(runs, tmp_path / "out", title="x", log=said.append)
    assert any("predictions.npz has changed since the run ended" in line for line in said)


def test_a_file_that_a_run_ended_with_and_lost_is_named(directory, tmp_path):
    run = directory()
    summary = json.loads((run / "summary.json").read_text())
    kept = hashlib.sha256((run / "predictions.npz").read_bytes()).hexdigest()
    summary["files"] = {"predictions.npz": f"sha256:{kept}", "shown.npz": "sha256:0"}
    (run / "summary.json").write_text(json.dumps(summary))
    said = []
    write_report([run], tmp_path / "out", title="x", log=said.append)
    assert said == [f"{run / 'shown.npz'} is missing: the report leaves out what it tells"]
