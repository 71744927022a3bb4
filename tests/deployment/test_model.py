"""A trained network, loaded and asked about pictures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import selfdistill as sd
from selfdistill import cli
from selfdistill.config import parse
from selfdistill.data import Digits, standardise
from selfdistill.training import train

WORDS = [
    *("--config", "digits", "--method", "CrossEntropy", "--backbone.width", "8", "--epochs", "3"),
    *("--warmup-epochs", "1", "--precision", "fp32", "--threads", "1"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(parse([*WORDS, "--out", str(tmp_path_factory.mktemp("run"))]))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    images = Digits().splits().test.images[:4]
    for number, image in enumerate(images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{number}.png")
    return folder


def test_pictures_are_seen_as_training_saw_them(run, pictures):
    model, splits = sd.load(run), Digits().splits()
    expected = standardise(splits.test.images[:4], splits.mean, splits.std)
    for number in range(4):
        seen = model.transform(Image.open(pictures / f"{number}.png"))
        torch.testing.assert_close(seen, expected[number])
    with torch.no_grad():
        probabilities = model.network(expected).softmax(1)
    guesses = model.predict([pictures / f"{number}.png" for number in range(4)], top_k=10)
    for row, wanted in zip(guesses, probabilities, strict=True):
        assert [guess.name for guess in row] == [str(int(k)) for k in wanted.argsort().flip(0)]
        assert sum(guess.probability for guess in row) == pytest.approx(1)


def test_one_picture_by_path_string_or_object(run, pictures):
    model = sd.load(str(run / "model"))
    path = pictures / "0.png"
    by_path, by_string, by_object = (
        model.predict(picture, top_k=3) for picture in (path, str(path), Image.open(path))
    )
    assert by_path == by_string == by_object
    assert len(by_path) == 3


def test_other_sizes_are_scaled_and_cut_in_the_centre(run):
    wide = np.zeros((64, 128, 3), dtype=np.uint8)
    wide[:, 32:96] = 255
    seen = sd.load(run).transform(Image.fromarray(wide))
    assert seen.shape == (3, 32, 32)
    assert (seen[:, :, 3:-3] > 0).all()


def test_the_command(run, pictures, capsys):
    words = ["predict", str(run), str(pictures), "--top-k", "2"]
    assert cli.main([*words, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["image"] for row in rows] == [str(pictures / f"{n}.png") for n in range(4)]
    assert len(rows[0]["classes"]) == 2
    assert cli.main(["predict", str(run), str(pictures / "*.png"), "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("\n") == 1 + 4 * 5
    assert cli.main(words) == 0
    assert "probability" in capsys.readouterr().out


def test_mistakes(run, pictures, capsys, tmp_path):
    assert cli.main(["predict", str(tmp_path), str(pictures)]) == 2
    assert "holds no trained network" in capsys.readouterr().err
    assert cli.main(["predict", str(run), str(tmp_path)]) == 2
    assert "no image there" in capsys.readouterr().err
    assert cli.main(["predict", str(run), str(run / "log.jsonl")]) == 2
    assert "is no image that can be read" in capsys.readouterr().err
