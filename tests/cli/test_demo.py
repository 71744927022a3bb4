"""The page for pictures: what it says, where it is served, and what it keeps to itself."""

import base64
import io
import os
import re
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from selfdistill import cli
from selfdistill.cli import demo
from selfdistill.deployment import ExitPromise, ExitRule, write_exit_rule
from selfdistill.evaluation import network_activation
from selfdistill.inspection import FinishedRun, opinion
from selfdistill.reports.opinion import ExitOpinion, Opinion, opinion_html
from selfdistill.runs import EXIT_RULE, RunDirectory


@pytest.fixture(scope="module")
def run(finished):
    return FinishedRun(RunDirectory(finished))


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    file = tmp_path_factory.mktemp("pictures") / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file)
    return file


@pytest.mark.parametrize(("threshold", "stops"), [(0.0, "exit2"), (1.0, "network")])
def test_the_page_says_where_a_picture_would_stop(run, picture, threshold, stops):
    assert "stops here" not in opinion_html(opinion(run, picture))
    promise = ExitPromise("max_drop", 0.5)
    file = run.run.model / EXIT_RULE
    write_exit_rule(file.parent, ExitRule(("exit2",), (threshold,), (1.0, 1.0), promise, 9))
    said = opinion(run, picture)
    file.unlink()
    assert said.stops_at == stops
    assert f"{stops} <strong>(stops here)" in opinion_html(said)


def pictures_of(html):
    addresses = re.findall(r'src="([^"]*)"', html)
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    contents = (base64.b64decode(address.partition(",")[2]) for address in addresses)
    return [np.asarray(Image.open(io.BytesIO(content))) for content in contents]


def test_every_exit_speaks_at_its_own_temperature(run, picture):
    said = opinion(run, picture, top_k=3)
    image = run.preprocessing(Image.open(picture))[None]
    with torch.no_grad():
        logits = run.classify(image)
    assert list(said.exits) == ["exit1", "exit2", "network", "fusion"]
    assert run.temperatures.keys() == logits.keys()
    for name, of in said.exits.items():
        value, position = (logits[name][0] / run.temperatures[name]).softmax(0).max(0)
        assert of.name == run.classes[int(position)]
        assert of.probability == pytest.approx(float(value), abs=1e-5)
    best = (logits["network"][0] / run.temperatures["network"]).softmax(0).topk(3)
    assert [name for name, _ in said.classes] == [run.classes[int(k)] for k in best.indices]
    cam = network_activation(run.method.backbone, image).maps[0]
    assert np.array_equal(said.exits["network"].cam, (255 * cam).round().numpy())
    assert said.exits["fusion"].cam is None


def test_the_page_shows_picture_map_classes_and_exits(run, picture):
    html = demo.said_of(run, str(picture))
    shown = pictures_of(html)
    assert len(shown) == 2 + 3  # the picture, its map, and maps of two exits and the network
    pixels = run.preprocessing.pixels(run.preprocessing(Image.open(picture)))
    assert np.array_equal(shown[0], pixels.permute(1, 2, 0))
    assert not np.array_equal(shown[1], shown[0])
    assert html.count(" %</td>") == 5 + 4
    assert "http" not in html


def test_names_are_no_markup():
    name = "<img src=x onerror=alert(1)>\x1b"
    said = Opinion(
        np.zeros((2, 2, 3), np.uint8), [(name, 1.0)], {"network": ExitOpinion(name, 1.0, None)}
    )
    html = opinion_html(said)
    assert "&lt;img" in html
    assert "<img src=x" not in html
    assert "\x1b" not in html


def test_what_is_no_picture_is_one_line(run, tmp_path):
    file = tmp_path / "<b>no.jpg"
    file.write_text("hello")
    html = demo.said_of(run, str(file))
    assert html.startswith("<p>&lt;b&gt;no.jpg")
    assert str(tmp_path) not in html
    assert html.count("\n") == 0
    assert demo.said_of(run, None) == ""


def test_mistakes_are_one_line(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for words, reason in (
        ([str(finished)], 'demo needs gradio: pip install "selfdistill[demo]"'),
        ([str(tmp_path)], "is not a finished run"),
        ([str(finished), "--port", "0"], "--port"),
    ):
        assert cli.main(["demo", *words]) == 2
        line = capsys.readouterr().err
        assert reason in line
        assert line.count("\n") == 1


@pytest.mark.filterwarnings("ignore")  # its server leaves sockets and loops open
def test_the_page_is_served_here_alone(finished, picture, capsys, monkeypatch):
    pytest.importorskip("gradio", reason="gradio wants other versions than constraints.txt")
    from gradio_client import Client, handle_file

    monkeypatch.setattr(os, "environ", os.environ.copy())
    seen = {}

    class Visit:
        """Stands in for the wait for the end."""

        def wait(self):
            url = capsys.readouterr().out.split()[0]
            port = int(url.rstrip("/").rpartition(":")[2])
            with socket.socket() as taken:
                seen["elsewhere"] = taken.connect_ex(
                    (socket.gethostbyname(socket.gethostname()), port)
                )
            client = Client(url, verbose=False, analytics_enabled=False)
            seen["html"] = client.predict(handle_file(str(picture)), api_name="/answer")
            seen["config"] = client.config
            raise KeyboardInterrupt

    monkeypatch.setattr(demo, "Event", Visit)
    assert cli.main(["demo", str(finished)]) == 130
    assert seen["html"] == demo.said_of(FinishedRun(RunDirectory(finished)), str(picture))
    assert seen["config"]["analytics_enabled"] is False
    assert not Path(os.environ["GRADIO_TEMP_DIR"]).exists()
