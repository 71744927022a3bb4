"""All runs of a study compute in one number format, where their recipes leave it open."""

import json
from dataclasses import replace

import pytest

from selfdistill.evaluation import hardware
from selfdistill.studies import StudyRunner, grid
from selfdistill.studies.finished import find_finished
from selfdistill.studies.formats import choose_formats
from selfdistill.studies.layout import StudyLayout
from selfdistill.studies.result import RunResult
from selfdistill.training import train

OPTIONS = {
    **{"backbone.width": 8, "epochs": 1, "warmup_epochs": 0, "batch_size": 20, "threads": 1},
    **{"data.train_per_class": 6, "data.test_per_class": 4},
}
CELLS = {
    "CE": {"method": "CrossEntropy"},
    "asked": {"method": "CrossEntropy", "precision": "fp32"},
    "pupil": {"method": "KD", "teacher": "CE"},
}


@pytest.fixture
def layout(tmp_path):
    content = {"config": "digits", "options": OPTIONS, "seeds": 2, "cells": CELLS}
    return StudyLayout(grid.from_plain(content, "trial"), tmp_path, tmp_path / "res")


@pytest.fixture
def measured(monkeypatch):
    """Networks that are measured; the answers alternate."""
    asked = []

    def measure(settings, splits, device):
        asked.append(settings)
        return ("bf16", "fp32")[(len(asked) - 1) % 2], "as measured"

    monkeypatch.setattr(hardware, "processor_flags", lambda: frozenset({"amx_bf16"}))
    monkeypatch.setattr("selfdistill.training.number_format.measured", measure)
    return asked


def test_one_measurement_holds_for_every_open_cell(layout, measured):
    lines = []
    assert choose_formats(layout, lines.append) == {"CE": "bf16", "pupil": "bf16"}
    assert lines == ["trial: all runs in bf16 (CE: as measured)"]
    assert len(measured) == 1


def test_every_run_is_told_and_the_same_study_keeps_its_format(layout, measured, monkeypatch):
    told = []

    def backend(jobs, on_end, budget, processes):
        told.extend(jobs)
        for number, job in enumerate(jobs):
            path = train(job.settings) if number == 0 else None
            on_end(RunResult(number, path, "" if path else "left out", 0.0, 0 if path else 2))

    def run(monkeypatch):
        monkeypatch.setattr("selfdistill.studies.local_jobs.run_all", backend)
        return StudyRunner(layout, jobs=1, log=lambda line: None).run()

    for _ in range(2):
        before = len(told)
        assert run(monkeypatch).summaries
        assert {kind(job) for job in told[before:]} == {("bf16", False), ("fp32", True)}
    assert len(measured) == 1


def kind(job):
    """The format of a run, and whether its cell asks for it."""
    return job.settings.recipe.values["precision"], "asked" in str(job.settings.execution.out)


@pytest.mark.parametrize("kept", ["directory", "copy", "unfinished"])
def test_the_format_of_the_runs_there_are_is_found(layout, measured, kept):
    run = next(run for run in layout.runs if run.name == "CE seed 1")
    settings = layout.settings(run)
    train(replace(settings, recipe=settings.recipe.override({"precision": "fp32"})))
    summary = run.directory / "summary.json"
    assert json.loads(summary.read_text())["recipe"]["precision"] == "fp32"
    if kept == "copy":
        run.copy_summary()
        summary.unlink()
        (run.directory / "recipe.yaml").unlink()
    elif kept == "unfinished":
        summary.unlink()
    assert choose_formats(layout, pytest.fail) == {"CE": "fp32", "pupil": "fp32"}
    assert measured == []
    if kept != "unfinished":
        assert run in find_finished(layout)


def test_nothing_is_chosen_where_nothing_is_open(layout, measured, monkeypatch):
    monkeypatch.setattr(hardware, "processor_flags", frozenset)
    assert choose_formats(layout, pytest.fail) == {}
    assert measured == []


def test_a_network_that_cannot_be_measured_is_left_to_its_runs(layout, measured, monkeypatch):
    def fail(settings, splits, device):
        raise RuntimeError("a fault")

    monkeypatch.setattr("selfdistill.training.number_format.measured", fail)
    assert choose_formats(layout, pytest.fail) == {}
