"""The lines with which training ends."""

import json

import pytest

from selfdistill.reports import describe_end, read
from selfdistill.reports.ending import duration


@pytest.fixture
def ended(content, tmp_path):
    """A run directory of four classes, its summary changed as a test asks."""

    def build(name="a run", *, best=None, classes=None, **options):
        path = tmp_path / name
        made = content(splits=("validation", "test"), accuracy=60.0, **options)
        made["images"] = {"validation": 1200, "test": 50}
        made["validation"] |= {"best": best or {"accuracy": 70.5, "epoch": 7}, "classes": classes}
        (path / "model").mkdir(parents=True)
        (path / "summary.json").write_text(json.dumps(made))
        names = ["cat", "d\x1b[31mog", "eel", "fox"]
        (path / "model" / "config.json").write_text(json.dumps({"label_names": names}))
        return read(path)

    return build


COLUMNS = {
    "images": [600, 400, 0, 200],
    "precision": [50.0, 50.0, 0.0, 50.0],
    "recall": [90.0, 25.0, None, 40.0],
    "f1": [60.0, 30.0, None, 40.0],
}


def test_the_end_tells_scores_classes_and_what_comes_next(ended, tmp_path):
    run = ended(classes=COLUMNS)
    assert describe_end(run).splitlines() == [
        "done in 20 s",
        "  validation  60.0 % of 1,200 images; epoch 7 of 40 was best, 70.5 %",
        "  test        60.0 % of 50 images",
        r"  weakest     d\u001b[31mog (25 % of 400), fox (40 % of 200), validation recall",
        f"  model       {tmp_path}/a run/model",
        f"  next        selfdistill report '{tmp_path}/a run'",
    ]


def test_an_end_says_what_there_is(ended):
    run = ended(best={"accuracy": 60.0, "epoch": 40})
    assert "60.0 % of 1,200 images; no epoch was better" in describe_end(run)
    assert "weakest" not in describe_end(run)
    even = {**COLUMNS, "recall": [60.0, 60.0, None, 60.0]}
    assert "weakest" not in describe_end(ended("even", classes=even))
    nowhere = {**COLUMNS, "images": [4] * 4, "recall": [0.0] * 4}
    many = describe_end(ended("nowhere", classes=nowhere))
    assert "  weakest     4 classes at 0 % validation recall, such as cat, d" in many
    assert "weakest" not in describe_end(ended("odd", classes={"recall": [1.0]}))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.6, "1 min 0 s"), (725.0, "12 min 5 s"), (12_000.0, "3 h 20 min")],
)
def test_times_are_told_in_two_units(seconds, text):
    assert duration(seconds) == text
