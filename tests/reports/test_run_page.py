"""The page about one run."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from browser import CHROMIUM, Browser
from sklearn.metrics import confusion_matrix

from selfdistill.evaluation import score_classes
from selfdistill.reports import ClassScore, ExaminedPicture, ExaminedRun, Scaled, pictures_shown
from selfdistill.reports.examined import MAX_MISTAKES, MAX_OF_WEAKEST, share_interval
from selfdistill.reports.read_run import parse
from selfdistill.reports.run_page import write_run_report
from selfdistill.reports.run_sections import agreement, class_scores, overview

HOSTILE = ("<script>document.title = 'no'</script>", "=cmd|' /C calc'!A0", "d\x1b[31mog", "日本")


@pytest.fixture
def examined(content, tmp_path):
    """A run of so many classes, examined on 200 images; the rarest class is often wrong."""

    def build(classes=4, *, images=200, scaled=False, exits=True, right=0.8, side=24, files=True):
        rng = np.random.default_rng(classes)
        labels = rng.integers(classes, size=images)
        labels[: 2 * classes] = np.repeat(np.arange(classes), 2)
        said = np.where(rng.random(images) < right, labels, rng.integers(classes, size=images))
        logits = 2.0 * np.eye(classes)[said] + rng.normal(size=(images, classes))
        probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        said = probabilities.argmax(1)
        guesses = {"network": said}
        if exits:
            guesses["exit1"] = np.where(rng.random(images) < 0.7, said, labels)
        accuracy = 100 * float((said == labels).mean())
        made = content("SKDSAM", accuracy=accuracy, splits=("validation", "test"))
        made["curve"] = {
            "epoch": [1, 2],
            "train_accuracy": [30.0, 60.0],
            "terms": {"labels": [2, 1]},
        }
        made["images"] = {"validation": images}
        scores = made["validation"]["last"]["network"] | {"macro_f1": 70.0}
        columns = score_classes(torch.tensor(logits), torch.tensor(labels))
        rows = zip(*(column.tolist() for column in columns), strict=True)
        names = (*HOSTILE, *(f"class {k}" for k in range(classes)))[:classes]
        run = ExaminedRun(
            run=parse(made, tmp_path / "run"),
            split="validation",
            class_names=names,
            files=tuple(f"{names[k]}/{i}.jpg" for i, k in enumerate(labels)) if files else (),
            labels=labels,
            probabilities=probabilities,
            guesses=guesses,
            scores=dict.fromkeys(guesses, scores),
            classes=tuple(ClassScore(*row) for row in rows),
            attention=rng.dirichlet([1, 2], size=images).astype(np.float32) if exits else None,
            suspects=(),
            scaled=Scaled(1.5, probabilities, scores | {"ece": 1.25}) if scaled else None,
        )
        run = replace(run, suspects=tuple(run.mistakes[:3].tolist()))
        cam = np.linspace(0, 255, side * side).reshape(side, side).astype(np.uint8)
        pixels = np.full((side, side, 3), 90, np.uint8)
        return run.with_pictures(
            [ExaminedPicture(k, pixels, cam, (3, 3)) for k in pictures_shown(run)]
        )

    return build


def test_the_page_shows_what_was_found_and_obeys_no_name(examined, tmp_path):
    run = examined(scaled=True)
    page = write_run_report(run, tmp_path / "out", title="<b>mine</b>").read_text()
    for title in ("At a glance", "Classes", "Mistakes", "Calibration", "Exits", "Attention"):
        assert f"<h2>{title}</h2>" in page
    assert "<script" not in page
    assert "<b>mine" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;document.title" in page
    assert page.count('<img src="data:image/png') == len(run.pictures)
    assert page.count("Doubtful label.") == 3
    assert "at temperature 1.50" in page
    assert "map of 3 × 3 cells" in page
    assert page.count("<svg") == len(list((tmp_path / "out/figures").glob("*.svg")))
    assert re.search(r"src=\"(?!data:)|href=\"(?!#|data:)", page) is None


def test_every_image_of_the_split_has_a_line_that_no_spreadsheet_runs(examined, tmp_path):
    run = examined()
    write_run_report(run, tmp_path / "out", title="x")
    with (tmp_path / "out/pictures.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 200
    assert sum(line["doubtful"] == "1" for line in lines) == 3
    assert sum(line["label"] != line["predicted"] for line in lines) == len(run.mistakes)
    assert not any(cell.startswith(("=", "@")) for line in lines for cell in line.values())
    assert not any("\x1b" in cell for line in lines for cell in line.values())


def test_counts_are_those_of_scikit_learn(examined):
    run = examined(6)
    assert np.array_equal(run.counts, confusion_matrix(run.labels, run.said, labels=range(6)))
    assert [of.f1 for of in run.by_class.values()] == sorted(of.f1 for of in run.classes)
    (table,) = class_scores.section(run).tables
    assert table.rows[0][0] == run.names[next(iter(run.by_class))]


def test_many_classes_have_their_worst_pairs_and_the_weakest_ones(examined):
    run = examined(60, images=600, right=0.5)
    scores, pairs = class_scores.section(run).tables
    assert not class_scores.section(run).plots
    assert len(scores.rows) == 20
    wrong = run.counts - np.diag(np.diag(run.counts))
    assert [int(row[2]) for row in pairs.rows] == sorted(wrong.flat, reverse=True)[:15]


def test_the_surest_mistakes_come_first_and_the_weakest_class_is_not_forgotten(examined):
    run = examined(4, images=400, right=0.4)
    shown = pictures_shown(run)
    sure = run.probabilities.max(1)
    assert len(shown) == MAX_MISTAKES + MAX_OF_WEAKEST
    first = shown[:MAX_MISTAKES]
    assert sure[first].tolist() == sorted(sure[run.mistakes], reverse=True)[:MAX_MISTAKES]
    weakest = next(iter(run.by_class))
    assert set(run.labels[shown[MAX_MISTAKES:]]) == {weakest}
    assert len(set(shown)) == len(shown)


def test_a_run_without_mistakes_exits_and_files(examined, tmp_path):
    run = examined(2, exits=False, files=False, right=1.0)
    made = dict.fromkeys(run.guesses, run.labels)
    perfect = replace(run, guesses=made, suspects=(), pictures=())
    page = write_run_report(perfect, tmp_path / "out", title="x").read_text()
    assert "<h2>Mistakes</h2>" not in page
    assert "<h2>Exits</h2>" not in page
    assert "none stands out" in page
    assert "weakest class is" not in overview.headline(perfect)


def test_a_network_that_errs_more_than_labels_do_marks_none(examined, tmp_path):
    run = examined(right=0.3)
    poor = replace(run, suspects=tuple(run.mistakes.tolist()))
    page = write_run_report(poor, tmp_path / "out", title="x").read_text()
    assert "Doubtful label." not in page
    assert "the network is wrong too often to tell" in page
    assert ",1\n" not in (tmp_path / "out/pictures.csv").read_text()


def test_an_exit_is_set_beside_the_network(examined):
    run = examined()
    _, row = agreement.exits_section(run).tables[0].rows
    agrees = 100 * (run.guesses["exit1"] == run.said).mean()
    saved = ((run.guesses["exit1"] == run.labels) & (run.said != run.labels)).sum()
    assert row[3:5] == (f"{agrees:.1f}", f"{saved} of {len(run.mistakes)}")


def test_the_interval_of_a_share_is_wilsons():
    z, n, p = 1.959963984540054, 21, 7 / 21
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    assert share_interval(7, n) == pytest.approx((100 * (centre - half), 100 * (centre + half)))
    assert share_interval(0, 5)[0] == 0


def test_files_of_others_are_not_replaced(examined, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/pictures.csv").write_text("mine")
    with pytest.raises(ValueError, match=r"pictures\.csv is not part of a report"):
        write_run_report(examined(), tmp_path / "out", title="x")
    assert (tmp_path / "out/pictures.csv").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_without_complaint(examined, tmp_path, width):
    page = write_run_report(examined(12, scaled=True), tmp_path / "out", title="x")
    with Browser(tmp_path / "profile") as browser:
        browser.open(page, width)
        assert browser.complaints() == []
        assert browser.requests() == [page.resolve().as_uri()]
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.value(wide) <= 0
        assert json.dumps(browser.value("document.title")) == '"x"'
