import json
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from selfdistill.reports.page import write_report
from selfdistill.reports.sections import style

VOID = {"meta", "link", "img", "br"}


class Parsed(HTMLParser):
    """The page's elements, texts and whether its tags nest."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.ids, self.external, self.text = [], [], [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        targets = [attributes.get(name) for name in ("src", "href", "xlink:href")]
        self.external += [t for t in targets if t and not t.startswith(("#", "data:"))]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def parsed(page):
    return Parsed(page.read_text(encoding="utf-8"))


@pytest.fixture
def no_pixels(monkeypatch):
    """Half the time; every figure is drawn as SVG all the same."""
    monkeypatch.setattr(style, "png", lambda figure: b"")


@pytest.fixture
def study(directory):
    plain = [directory(seed=k, accuracy=a) for k, a in enumerate([79.7, 80.0, 80.3])]
    return plain + [directory("BYOT", seed=k, accuracy=a) for k, a in enumerate([81.7, 82.0, 82.3])]


@pytest.mark.usefixtures("no_pixels")
def test_one_run_makes_a_whole_page(directory, tmp_path):
    page = parsed(write_report([directory()], tmp_path / "out", title="One"))
    text = " ".join(page.text)
    assert "Nothing to compare with: cross-entropy alone, 80.00 % test accuracy, one run" in text
    assert "script" not in page.tags
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert files == {"index.html", "table.md", "table.tex", "table.json", "figures"}


def test_the_page_needs_nothing_but_itself(study, tmp_path):
    out = tmp_path / "out"
    page = parsed(write_report(study, out, title="Study"))
    assert page.external == []
    assert len(page.ids) == len(set(page.ids))
    drawings = {file.stem for file in (out / "figures").glob("*.svg")}
    assert drawings == {file.stem for file in (out / "figures").glob("*.png")}
    assert page.tags.count("svg") == len(drawings)
    for name in ("accuracy", "difference", "reliability-0", "classes-0", "confusion-0"):
        assert name in drawings
        ET.parse(out / "figures" / f"{name}.svg")


@pytest.mark.usefixtures("no_pixels")
def test_what_is_written_twice_is_the_same(directory, tmp_path):
    run = directory()
    pages = [write_report([run], tmp_path / name, title="x") for name in "ab"]
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.usefixtures("no_pixels")
def test_names_are_text_and_never_markup(directory, tmp_path):
    runs = [directory(), directory("BYOT", shares=[1, 2], note="<img src=x>")]
    page = parsed(write_report(runs, tmp_path / "out", title="<script>alert(0)</script>"))
    assert "script" not in page.tags
    assert "img" not in page.tags
    text = " ".join(page.text)
    for name in ("<script>alert(0)</script>", "a & b", "日本"):
        assert name in text
    assert re.search(r"<script>a[^0]*script>", text)  # shortened in its middle


@pytest.mark.usefixtures("no_pixels")
def test_unfinished_and_broken_runs_are_listed_and_not_fatal(directory, tmp_path):
    unfinished, broken = tmp_path / "unfinished", tmp_path / "broken"
    unfinished.mkdir()
    broken.mkdir()
    (unfinished / "recipe.yaml").write_text("seed: 0")
    (unfinished / "log.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n{"epo')
    (broken / "summary.json").write_text("{")
    runs = [unfinished, directory(), broken]
    text = " ".join(parsed(write_report(runs, tmp_path / "out", title="x")).text)
    assert "2 of 3 could not be used" in text
    assert "unfinished is unfinished: repeat its train command" in text
    assert str(tmp_path) not in text
    assert "it has logged 2 epochs" in text
    assert "is not valid JSON" in text
    with pytest.raises(ValueError, match=r"nothing to report: .*unfinished.*; .*is not valid JSON"):
        write_report([unfinished, broken], tmp_path / "none", title="x")


@pytest.mark.usefixtures("no_pixels")
def test_runs_without_the_common_split_are_left_out(directory, content, tmp_path):
    other = tmp_path / "validation.json"
    other.write_text(json.dumps(content("KD", splits=("validation",))))
    text = " ".join(parsed(write_report([directory(), other], tmp_path / "out", title="x")).text)
    assert "validation.json" in text
    assert "it has no test scores" in text


@pytest.mark.usefixtures("no_pixels")
def test_a_split_may_be_asked_for(directory, tmp_path):
    both = directory(splits=("validation", "test"), accuracy=70)
    seen = directory("BYOT")
    page = write_report([both, seen], tmp_path / "out", title="x", split="validation")
    text = " ".join(parsed(page).text)
    assert "cross-entropy alone, 70.00 % validation accuracy" in text
    assert "BYOT" in text
    assert "it has no validation scores" in text
    with pytest.raises(ValueError, match=r"nothing to report: BYOT-s0: it has no validation"):
        write_report([seen], tmp_path / "none", title="x", split="validation")


@pytest.mark.usefixtures("no_pixels")
def test_every_run_that_is_of_no_use_is_named(directory, content, tmp_path):
    failed, empty, old = (tmp_path / name for name in ("failed", "empty", "old.json"))
    failed.mkdir()
    empty.mkdir()
    (failed / "recipe.yaml").write_text("seed: 0")
    (failed / "failure.json").write_text('{"epoch": 7, "lr": 0.1}')
    (failed / "log.jsonl").write_bytes(b'{"epoch": 6}\n\xff\xfe')
    old.write_text(json.dumps(content() | {"format": 0}))
    strange = [tmp_path / "not" / "yet", old / "below", failed, empty, old]
    page = write_report([directory(), *strange], tmp_path / "out", title="x")
    text = " ".join(parsed(page).text).replace("\n", "")
    for words in (
        "5 of 6 could not be used",
        "not/yet : there is no run at not/yet",
        "old.json/below : there is no run at old.json/below",
        "failed : failed ended in epoch 7, its loss not finite",
        "empty : empty is no run",
        "old.json : old.json has summary format 0",
    ):
        assert words in text


@pytest.mark.usefixtures("no_pixels")
def test_two_methods_alone_are_compared_with_each_other(study, directory, tmp_path):
    other = [directory("CSKD", seed=k, accuracy=a) for k, a in enumerate([79.7, 80.0, 80.3])]
    page = write_report(other + study[3:], tmp_path / "out", title="x")
    assert "BYOT is 2.00 points better than CSKD: 82.00 % against" in page.read_text()
    table = page.with_name("table.md").read_text()
    assert "difference: of the means, to CSKD (there is no cross-entropy); 95 % int" in table


@pytest.mark.usefixtures("no_pixels")
def test_summaries_alone_leave_out_what_needs_predictions(study, tmp_path):
    copies = []
    for run in study:
        copies.append(tmp_path / f"{run.name}.json")
        shutil.copy(run / "summary.json", copies[-1])
    page = parsed(write_report(copies, tmp_path / "out", title="x"))
    assert "needs the test images' predictions, which no run holds" in " ".join(page.text)
    assert "classes" not in page.ids
    assert (tmp_path / "out/figures/learning-train.svg").exists()
    assert not list((tmp_path / "out/figures").glob("reliability*"))


@pytest.mark.usefixtures("no_pixels")
def test_other_seeds_are_noted(study, tmp_path):
    text = write_report(study[:-1], tmp_path / "out", title="x").with_name("table.md").read_text()
    assert "- seeds: 0–2, but BYOT 0–1" in text
    assert "+1.85" in text
    assert "no verdict under 3 seeds" in text


@pytest.mark.usefixtures("no_pixels")
def test_the_best_test_epoch_is_in_its_column_alone(study, tmp_path):
    for run in study[3:]:
        lines = '{"epoch": 1, "test_accuracy": 91.25}\n{"epoch": 2, "test_accuracy": 80.0}\n{"ep'
        (run / "test_curve.jsonl").write_text(lines)
    page = write_report(study, tmp_path / "out", title="x", papers={study[4]: 77.77})
    table = page.with_name("table.md").read_text().splitlines()
    head = [cell.strip() for cell in table[2].split("|")]
    byot = [cell.strip() for cell in table[5].split("|")]
    assert byot[head.index("legacy: best test epoch, %")] == "91.25 ± 0.00"
    assert byot[head.index("paper, %")] == "77.77"
    assert byot[head.index("sampling error, points")] == "±1.92"
    assert "91.25" not in re.sub("<table>.*?</table>", "", page.read_text(), flags=re.DOTALL)
    rows = json.loads(page.with_name("table.json").read_text())["rows"]
    assert [row["verdict"] for row in rows] == [None, "better"]
    assert [row["legacy_best_test_epoch"] for row in rows] == [None, 91.25]
    assert [row["paper"] for row in rows] == [None, 77.77]
    assert "99.9" not in page.read_text()  # the summaries' best epoch


@pytest.mark.usefixtures("no_pixels")
def test_latex_escapes_what_it_would_read_as_commands(directory, tmp_path):
    runs = [directory("BYOT", note=note) for note in ("a_b & 5%", "c<d")]
    text = (write_report(runs, tmp_path / "out", title="x").with_name("table.tex")).read_text()
    assert r"BYOT note=a\_b \& 5\% & 1 & 80.00" in text
    assert r"c\textless{}d" in text


@pytest.mark.usefixtures("no_pixels")
def test_operations_corruptions_and_thumbnails_are_shown_where_recorded(directory, tmp_path):
    run = directory("BYOT", shares=[1, 2])
    summary = json.loads((run / "summary.json").read_text())
    summary["cost"]["macs_per_exit"] = {"exit1": 2e8, "network": 5.56e8}
    levels = {"blur": {"1": 70.0, "5": 40.0}, "noise": {"1": 60.0, "5": 20.0}}
    summary["corruptions"] = {"test": levels, "validation": {"blur": {"1": 33.33}}}
    (run / "summary.json").write_text(json.dumps(summary))
    images = np.zeros((2, 8, 8, 3), np.uint8)
    cams = np.zeros((2, 8, 8), np.uint8)
    np.savez(run / "shown.npz", images=images, indices=[5, 6], block=[0, 1], cams=cams)
    page = parsed(write_report([run], tmp_path / "out", title="x"))
    text = " ".join(page.text).replace("\u00a0", " ")
    assert page.tags.count("img") == 2
    assert re.search(r"block 1, \d+ %: a & b \(no. 5\)", text)
    assert "exit1 200 M, network 556 M" in text
    assert "CIFAR-C-style" in text
    assert "47.50" in text
    assert "33.33" not in text


@pytest.mark.parametrize("name", ["predictions.npz", "shown.npz"])
def test_a_damaged_file_leaves_its_run_out(directory, tmp_path, name):
    good, bad = directory(seed=0), directory(seed=1)
    (bad / name).write_bytes(b"PK\x03\x04 and no more")
    lines = []
    page = write_report([good, bad], tmp_path / "out", title="x", log=lines.append)
    assert "is damaged" in " ".join(parsed(page).text)
    assert len(lines) == 1
    assert lines[0].startswith(f"left out: {bad.name}")
    assert "remove it, and `selfdistill evaluate" in lines[0]
    absent = [tmp_path / f"absent{number}" for number in range(7)]
    write_report([good, *absent], tmp_path / "out", title="x", log=lines.append)
    assert lines[-1] == "and 2 more runs, which the page names"
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file is not a folder"):
        write_report([good], tmp_path / "file", title="x")
