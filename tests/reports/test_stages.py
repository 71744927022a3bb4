"""What stages make of images, as text and figure."""

import json

import numpy as np
import pytest

from selfdistill.reports import (
    InspectedImage,
    Stage,
    corruption_table,
    stages_json,
    stages_table,
)
from selfdistill.reports.sections import style
from selfdistill.reports.sections.attention import overlay_cam
from selfdistill.reports.stages import MAX_LETTERS, stages_figure

CAM = np.full((8, 8), 200, np.uint8)
PIXELS = np.full((8, 8, 3), 90, np.uint8)


def view(*shares, name="a/b/cat.png"):
    blocks = (*(Stage(s, CAM, ("dog", 0.25)) for s in shares), Stage(None, None, ("cat", 0.5)))
    return InspectedImage(name, PIXELS, blocks)


def test_the_table_names_stages_attention_and_predictions():
    lines = stages_table([view(0.125, 0.875), view(0.5, 0.5, name="other")]).splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["image", "block", "share", "class", "probability"],
        ["a/b/cat.png", "block", "1", "12.5%", "dog", "25.0%"],
        ["block", "2", "87.5%", "dog", "25.0%"],
        ["network", "–", "cat", "50.0%"],
    ]
    assert lines[4].split()[0] == "other"


def test_names_in_brackets_are_no_markup():
    assert "a/[/old]/cat[bold].png " in stages_table([view(0.5, name="a/[/old]/cat[bold].png")])


def test_without_attention_there_is_no_column_and_without_an_exit_no_prediction():
    assert "share" not in stages_table([view(None, None)])
    bare = InspectedImage("x", PIXELS, (Stage(1.0, CAM, None), Stage(None, CAM, ("cat", 1.0))))
    assert stages_table([bare]).splitlines()[1].split() == ["x", "block", "1", "100.0%", "–", "–"]
    (entry,) = json.loads(stages_json([bare]))
    assert entry["blocks"][0] == {
        "block": "block 1",
        "share": 1.0,
        "class": None,
        "probability": None,
    }


def test_the_figure_has_a_row_for_each_picture():
    one, two = (stages_figure([view(0.3, 0.7)] * count) for count in (1, 2))
    heights = [int.from_bytes(png[20:24], "big") for png in (one, two)]
    assert heights[1] - heights[0] == pytest.approx(1.79 * 200, abs=2)
    with pytest.raises(ValueError, match="51 pictures are too many for one figure: 50 at most"):
        stages_figure([view(1.0)] * 51)


def test_heat_shows_where_it_is():
    heat = np.zeros((8, 8), np.uint8)
    heat[2, 3] = 255
    shown = overlay_cam(PIXELS, heat).astype(int).sum(2)
    assert np.unravel_index(shown.argmax(), shown.shape) == (2, 3)


def test_corruptions_have_their_means():
    text = corruption_table({"gaussian_blur": {"1": 60.0, "5": 20.0}, "fog": {"1": 50.0, "5": 0.0}})
    rows = [line.split() for line in text.splitlines()]
    assert rows[1:] == [
        ["gaussian", "blur", "60.00", "20.00", "40.00"],
        ["fog", "50.00", "0.00", "25.00"],
        ["mean", "55.00", "10.00", "32.50"],
    ]


def test_pictures_and_classes_with_long_names_stay_different(monkeypatch):
    figures = []
    monkeypatch.setattr(style, "png", lambda figure: figures.append(figure) or b"")
    long = "a king penguin, Aptenodytes {} of the far south"
    blocks = [Stage(0.5, CAM, (long.format(kind), 0.5)) for kind in ("forsteri", "patagonicus")]
    names = [f"a_long_name_of_a_photograph_{k}_and_what_comes_behind_it.png" for k in range(2)]
    stages_figure([InspectedImage(name, PIXELS, tuple(blocks)) for name in names])
    panels = figures[0].axes
    below = {panel.get_xlabel() for panel in panels if panel.get_xlabel()}
    assert len(below) == 4
    assert max(len(line) for words in below for line in words.split("\n")) <= MAX_LETTERS
