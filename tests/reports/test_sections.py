import json

import matplotlib as mpl
import numpy as np
import pytest

from selfdistill.reports import compare, read
from selfdistill.reports.page import write_report
from selfdistill.reports.sections import attention, classes, cost, learning, style


def compared(paths):
    return compare([read(path) for path in paths])


def test_learned_attention_is_set_against_every_other_kind(directory):
    made = [
        directory("SKDSAM", seed=k, accuracy=mean + 0.2 * k, shares=[1, 3], attention=kind)
        for kind, mean in (("learned", 82.0), ("uniform", 80.0), ("random", 82.0))
        for k in range(3)
    ]
    section = attention.section(compared(made))
    table = section.tables[0]
    verdicts = {row[0]: (row[3].split(" ")[0], row[4]) for row in table.rows}
    assert verdicts["uniform"] == ("−2.00", "worse")
    assert verdicts["random"] == ("+0.00", "not distinguishable")
    assert verdicts["learned"] == ("reference", "")


def test_images_that_lean_most_are_named_with_their_shares(directory):
    comparison = compared([directory("SKDSAM", shares=[1, 3])])
    (table,) = attention.section(comparison).tables
    shares = comparison.rows[0].runs[0].predictions.attention
    first = int(shares[:, 0].argmax())
    assert table.rows[0][3].startswith(f"no.\u00a0{first}, ")
    assert f"({100 * shares[first, 0]:.1f})" in table.rows[0][3]
    assert table.rows[1][1] == f"{100 * shares[:, 1].mean():.1f}"


def test_images_are_named_by_their_files_where_the_run_tells(directory):
    run = directory("SKDSAM", shares=[1, 3])
    names = [f"test/cats/{k}.jpg" for k in range(400)]
    (run / "files.json").write_text(json.dumps({"split": "x", "train": [], "test": names}))
    comparison = compared([run])
    (table,) = attention.section(comparison).tables
    first = int(comparison.rows[0].runs[0].predictions.attention[:, 0].argmax())
    assert table.rows[0][3].startswith(f"test/cats/{first}.jpg, ")
    assert "images by their files" in table.caption
    assert "no.\u00a0" not in table.rows[0][3]


def test_a_page_about_validation_images_shows_no_test_images(directory, tmp_path):
    both = {"splits": ("test", "validation")}
    runs = [directory("SKDSAM", seed=k, shares=[1, 3], **both) for k in range(2)]
    runs += [directory(seed=k, **both) for k in range(2)]
    pages = {
        split: write_report(runs, tmp_path / split, title="x", split=split).read_text()
        for split in ("test", "validation")
    }
    figures = {
        split: {file.stem.rpartition("-")[0] for file in (tmp_path / split / "figures").iterdir()}
        for split in pages
    }
    ours = {"reliability", "classes", "attention-images", "attention-entropy"}
    assert ours <= figures["test"]
    assert not ours & figures["validation"]
    assert "test images" in pages["test"]
    words = "runs keep those of test images, and this page is about validation images"
    assert pages["validation"].count(words) == 2
    assert pages["validation"].count("test images") == 2


def test_classes_are_compared_with_cross_entropy(directory):
    runs = [directory(accuracy=50, classes=2), directory("BYOT", accuracy=90, classes=2)]
    section = classes.section(compared(runs))
    assert "2 of 2 classes gain, 0 lose" in section.plots[0].caption
    panel = section.plots[0].figure.axes[0]
    assert all(text.get_text().endswith(" (200)") for text in panel.get_yticklabels())
    assert "two single runs do not tell" in section.plots[0].caption
    assert classes.section(compared(runs[1:])) is None


def test_shares_of_the_loss_are_of_its_terms(directory):
    section = learning.section(compared([directory("BYOT", shares=[1, 1])]))
    panel = section.plots[-1].figure.axes[0]
    lower = panel.collections[0].get_paths()[0].vertices
    assert max(y for x, y in lower if x == 1) == pytest.approx(80)  # 2.0 of 2.5
    assert max(y for x, y in lower if x == 3) == pytest.approx(25)  # 0.5 of 2.0


def test_terms_are_averaged_over_the_runs_that_have_the_same(directory):
    runs = [directory("BYOT", seed=k, shares=[1, 1]) for k in range(2)]
    summary = json.loads((runs[1] / "summary.json").read_text())
    del summary["curve"]["terms"]["distillation"]
    (runs[1] / "summary.json").write_text(json.dumps(summary))
    assert "(one seed;" in learning.section(compared(runs)).plots[-1].caption


def test_exits_need_more_than_the_network(directory):
    assert cost.exits_section(compared([directory()])) is None
    section = cost.exits_section(compared([directory("BYOT", shares=[1, 1])]))
    assert section.tables[0].columns == ("method", "exit1", "network")
    assert "do not hold the operations" in section.paragraphs[0]


def test_the_networks_operations_alone_make_no_picture_of_the_exits(directory):
    run = directory("BYOT", shares=[1, 1])
    summary = json.loads((run / "summary.json").read_text())
    summary["cost"]["macs_per_exit"] = {"network": 5e8}
    (run / "summary.json").write_text(json.dumps(summary))
    section = cost.exits_section(compared([run]))
    assert [plot.name for plot in section.plots] == ["exits-0"]
    assert "do not hold the operations" in section.paragraphs[0]


def test_many_rows_get_eight_pictures_of_their_own_and_a_word(directory):
    nine = compared([directory("SKDSAM", shares=[1, 1], attention=f"a{k}") for k in range(9)])
    for section, words in (
        (learning.section(nine), "They are shown for 8 of 9 rows, the first."),
        (attention.section(nine), "Of 9 rows, the first 8 are shown one by one."),
    ):
        names = [p.name for p in section.plots]
        assert len([n for n in names if n.startswith(("terms", "attention-images"))]) == 8
        assert section.paragraphs[-1].endswith(words)


def test_a_published_accuracy_is_that_of_a_rows_runs(directory):
    runs = [directory("SKDSAM", seed=k, attention=a) for a in "ab" for k in range(2)]
    papers = {runs[3]: 81.77}
    comparison = compare([read(run) for run in runs], papers=papers)
    assert [row.paper for row in comparison.rows] == [None, 81.77]


def test_twenty_rows_are_told_apart_without_colour():
    looks = [style.row_style(position) for position in range(24)]
    assert len(set(looks)) == 24
    assert len({look[1:] for look in looks[:8]}) == 8


def test_axes_tell_their_units(directory):
    runs = [directory(), directory("SKDSAM", shares=[1, 3])]
    sections = [part.section(compared(runs)) for part in (learning, classes, attention)]
    for plot in (p for section in sections for p in section.plots):
        panel = plot.figure.axes[0]
        assert panel.get_xlabel()
        assert panel.get_ylabel() or len(panel.get_yticklabels()) > 1


def test_twenty_seven_runs_and_the_users_own_settings(directory, tmp_path, monkeypatch):
    monkeypatch.setattr(style, "png", lambda figure: b"")
    runs = [directory(f"M{m}", seed=k, accuracy=70 + m) for m in range(8) for k in range(3)] + [
        directory(seed=k, accuracy=70) for k in range(3)
    ]
    with mpl.rc_context({"font.size": 40, "axes.facecolor": "#ff00ff"}):
        page = write_report(runs, tmp_path / "out", title="27").read_text()
        assert mpl.rcParams["font.size"] == 40
    assert page.count('<th scope="row"') == 9 * 3 + 27
    assert "font: 40px" not in page
    assert "ff00ff" not in page


def test_every_figure_shows_cross_entropy_once(directory):
    runs = [directory(f"M{m}") for m in range(9)] + [directory()]
    figures = [plot.figure for plot in learning.section(compared(runs)).plots]
    names = [[text.get_text() for text in figure.legends[0].get_texts()] for figure in figures]
    assert [name[0] for name in names] == ["CrossEntropy", "CrossEntropy"]
    assert sorted(name for own in names for name in own) == ["CrossEntropy"] * 2 + [
        f"M{m}" for m in range(9)
    ]


def test_thumbnails_of_a_run_that_lost_its_predictions_are_left_out(directory):
    runs = [directory("SKDSAM", seed=k, shares=[1, 3]) for k in range(2)]
    images, cams = np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 8, 8), np.uint8)
    for index, run in enumerate(runs):
        np.savez(run / "shown.npz", images=images, indices=[index], block=[0], cams=cams)
    (runs[0] / "predictions.npz").unlink()
    ((thumbnail,),) = (g.thumbnails for g in attention.section(compared(runs)).galleries)
    assert "(no.\u00a01)" in thumbnail.caption
