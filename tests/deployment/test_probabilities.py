"""Temperature and abstention from training to a picture's answer."""

import csv
import json
import shutil

import numpy as np
import pytest
import timm
import torch
from PIL import Image

import selfdistill as sd
from selfdistill import cli
from selfdistill.config import parse
from selfdistill.data import Preprocessing
from selfdistill.deployment import Probabilities, model_files, read_probabilities
from selfdistill.evaluation import cross_scaled, fit_temperature, images_needed, risk_table, score
from selfdistill.inspection import FinishedRun, evaluate
from selfdistill.runs import RunDirectory
from selfdistill.training import train
from small_run import WORDS

VALIDATED = [
    *("--data.validation-per-class", "12", "--data.test-per-class", "20", "--epochs", "4"),
    *("--data.train-per-class", "20"),
]
EPOCHS = 4


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(parse([*WORDS, *VALIDATED, "--out", str(tmp_path_factory.mktemp("run"))]))


@pytest.fixture(scope="module")
def finished(run):
    return FinishedRun(RunDirectory(run))


@pytest.fixture(scope="module")
def validation(finished):
    return finished.predict(finished.splits.validation)


@pytest.fixture(scope="module")
def pictures(finished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(finished.splits.test.images[:12]):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{number:02}.png")
    return folder


def summary_of(run):
    return json.loads((run / "summary.json").read_text())


def test_a_model_folder_holds_what_its_validation_images_say(run, validation):
    logits, labels = validation.exits["network"], validation.labels
    config = json.loads((run / "model" / "config.json").read_text())
    assert config["temperature"] == pytest.approx(fit_temperature(logits, labels))
    confidence = logits.double().softmax(1).amax(1).numpy()
    found = read_probabilities(run / "model").risks
    assert found == risk_table(confidence, (logits.argmax(1) == labels).numpy())
    assert found.images == 120


def test_timm_reads_the_folder_as_before(finished, tmp_path):
    """It passes over what it does not know."""
    backbone = sd.create_backbone("test_vit", num_classes=2)
    files = model_files(
        backbone,
        classes=("a", "b"),
        preprocessing=Preprocessing((160, 160), (0.5,) * 3, (0.5,) * 3, 1.0),
        origin={},
        probabilities=Probabilities(1.5, risk_table([0.9, 0.8], [True, False])),
    )
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    network = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    images = torch.randn(2, 3, 160, 160)
    with torch.no_grad():
        torch.testing.assert_close(network(images), backbone.eval().network(images))
    assert sd.load(tmp_path).probabilities.temperature == 1.5


def test_the_best_epoch_has_its_own_and_shares_what_may_fail_with_the_others(run):
    last, best = (read_probabilities(run / name) for name in ("model", "model-best-validation"))
    assert last.risks.choices == 1
    assert best.risks.choices == EPOCHS
    if summary_of(run)["validation"]["best"]["epoch"] != EPOCHS:
        assert best.temperature != last.temperature


def test_probabilities_are_of_logits_over_the_temperature(run, pictures):
    model = sd.load(run)
    files = sorted(pictures.iterdir())
    images = torch.stack([model.transform(Image.open(file)) for file in files])
    with torch.no_grad():
        logits = model.network(images)
        torch.testing.assert_close(model.logits(images), logits)
    assert model.probabilities.temperature != 1
    expected = (logits / model.probabilities.temperature).softmax(1).amax(1)
    found = torch.tensor([best[0].probability for best in model.predict(files, top_k=1)])
    torch.testing.assert_close(found, expected)


def test_every_exit_has_its_own(run, finished, validation, pictures, capsys):
    temperatures = summary_of(run)["calibration"]["temperature"]
    assert temperatures.keys() == validation.exits.keys()
    for name, logits in validation.exits.items():
        assert temperatures[name] == pytest.approx(fit_temperature(logits, validation.labels))
    words = ["predict", str(run), str(pictures / "00.png"), "--exits", "--format", "json"]
    assert cli.main([*words, "--top-k", "10"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    image = finished.preprocessing(Image.open(pictures / "00.png"))
    with torch.no_grad():
        exits = finished.classify(image[None])
    for name, logits in exits.items():
        expected = (logits[0].cpu() / temperatures[name]).softmax(0)
        found = {best["name"]: best["probability"] for best in row["exits"][name]}
        for k, name_of_class in enumerate(finished.classes):
            assert found[name_of_class] == pytest.approx(float(expected[k]), rel=1e-4)


def test_scores_with_a_temperature_are_those_of_other_images(run, finished, validation):
    calibration = summary_of(run)["calibration"]
    for name, logits in validation.exits.items():
        expected = score(cross_scaled(logits, validation.labels), validation.labels)
        assert calibration["validation"][name] == pytest.approx(
            {"nll": expected.nll, "ece": expected.ece}, abs=1e-5
        )
    found = evaluate(run, split="validation").scaled["network"]
    assert found["scaled_nll"] == pytest.approx(calibration["validation"]["network"]["nll"])
    assert found["temperature"] == pytest.approx(calibration["temperature"]["network"], abs=1e-6)


def test_the_first_look_at_test_images_scores_them_with_the_temperature(run, finished, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    found = evaluate(copy, split="test").scaled
    calibration = summary_of(copy)["calibration"]
    test = finished.predict(finished.splits.test)
    for name, logits in test.exits.items():
        expected = score(logits / calibration["temperature"][name], test.labels)
        assert calibration["test"][name]["nll"] == pytest.approx(expected.nll, rel=1e-5)
        assert found[name]["scaled_ece"] == pytest.approx(calibration["test"][name]["ece"])


def test_tables_show_scores_before_and_after(run, capsys):
    assert cli.main(["evaluate", str(run)]) == 0
    assert "scaled NLL" in capsys.readouterr().out
    assert cli.main(["compare", str(run), "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["scaled_nll"] == summary_of(run)["calibration"]["validation"]["network"]["nll"]
    assert cli.main(["compare", str(run), "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    assert "scaled ECE" in out
    assert "- scaled: logits divided by one temperature, fitted on validation images" in out


def test_without_validation_images_there_is_none_and_that_is_said(tmp_path, capsys):
    run = train(parse([*WORDS, "--epochs", "2", "--out", str(tmp_path / "run")]))
    assert "temperature none, as there are no validation images" in " ".join(
        capsys.readouterr().out.split()
    )
    assert "temperature" not in json.loads((run / "model" / "config.json").read_text())
    assert summary_of(run)["calibration"] is None
    assert read_probabilities(run / "model") == Probabilities(1.0, None)
    assert cli.main(["predict", str(run), "x.png", "--unsure", "5%"]) == 2
    assert "knows nothing of validation images; train it with some" in capsys.readouterr().err


def test_a_run_of_an_older_version_is_read_as_before(run, finished, pictures, tmp_path, capsys):
    old = shutil.copytree(run, tmp_path / "run")
    for name in ("model", "model-best-validation"):
        file = old / name / "config.json"
        config = json.loads(file.read_text())
        del config["temperature"], config["abstention"]
        file.write_text(json.dumps(config))
    summary = summary_of(old)
    del summary["calibration"], summary["files"], summary["sha256"]
    RunDirectory(old).write_summary(summary)
    (best, *_) = sd.load(old).predict(pictures / "00.png")
    with torch.no_grad():
        logits = finished.classify(finished.preprocessing(Image.open(pictures / "00.png"))[None])
    assert best.probability == pytest.approx(float(logits["network"].softmax(1).max()), rel=1e-5)
    assert cli.main(["evaluate", str(old)]) == 0
    assert "scaled" not in capsys.readouterr().out


@pytest.fixture(scope="module")
def rate(run):
    """The lowest that can be promised: this network is seldom right."""
    return sd.load(run).probabilities.risks.lowest_rate()


def test_unsure_pictures_get_no_class(run, pictures, rate):
    model = sd.load(run)
    threshold = model.probabilities.threshold(rate)
    files = sorted(pictures.iterdir())
    answers, all_answers = model.predict(files, unsure=rate), model.predict(files)
    images = torch.stack([model.transform(Image.open(file)) for file in files])
    with torch.no_grad():
        confidence = model.network(images).double().softmax(1).amax(1)
    assert [bool(answer) for answer in answers] == (confidence > threshold).tolist()
    assert not all(answers)
    for answer, full in zip(answers, all_answers, strict=True):
        assert answer in ([], full)
    assert model.predict(files[0], unsure=rate) == answers[0]


def test_the_command_says_which_pictures_are_unsure(run, pictures, rate, capsys):
    words = ["predict", str(run), str(pictures), "--top-k", "2", "--unsure", f"{100 * rate:.1f}%"]
    expected = [not best for best in sd.load(run).predict(sorted(pictures.iterdir()), unsure=rate)]
    assert cli.main([*words, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert [row["unsure"] for row in json.loads(out)] == expected
    assert err == (
        f"unsure of {sum(expected)} of 12 pictures; of the answers at most {100 * rate:.3g} % are "
        "wrong (90% confidence, for pictures such as the validation images)\n"
    )
    assert cli.main([*words, "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["unsure"] == "yes" for row in rows[::2]] == expected
    assert [row["rank"] for row in rows[:2]] == ["1", "2"]
    assert cli.main(words) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["image", "answer", "class", "probability"]
    assert [line.split()[1] == "unsure" for line in lines[::2]] == expected


@pytest.mark.parametrize("text", ["5", "0", "-1%", "100%", "x", "nan", "%"])
def test_what_is_no_share_is_refused(run, text, capsys):
    assert cli.main(["predict", str(run), "x.png", f"--unsure={text}"]) == 2
    assert f"{text!r} is no share: write 5% or 0.05" in capsys.readouterr().err
    assert "\n" not in capsys.readouterr().err.strip()


@pytest.mark.parametrize("rate", [0, 1, "5%", True, float("nan")])
def test_python_refuses_them_too(run, rate, unchecked):
    with pytest.raises(ValueError, match=r"such as 0\.05"):
        sd.load(run).predict("x.png", unsure=rate)


def test_too_few_validation_images_are_told_how_many_it_takes(run):
    probabilities = sd.load(run).probabilities
    needed = images_needed(0.01)
    assert needed > 120
    with pytest.raises(ValueError, match=f"1 % wrong .* takes {needed} validation .* had 120;"):
        probabilities.threshold(0.01)


def test_too_many_mistakes_are_told_what_can_be_promised():
    scores, correct = np.linspace(1, 0, 400), np.arange(400) % 4 != 0
    probabilities = Probabilities(1.0, risk_table(scores, correct))
    with pytest.raises(ValueError, match=r"too many of the surest are wrong; the least .* is 43"):
        probabilities.threshold(0.05)


FORGED = {
    "temperature": [0, -1, "1", 1e9],
    "thresholds": [[0.1, 0.9], "x", [None]],
    "answered": [[-1], "x", [1.5]],
    "wrong": [[1000], []],
    "images": [0, "x"],
    "choices": [0, 1.5],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in FORGED.items() for value in values]
)
def test_a_damaged_field_is_named(tmp_path, field, value):
    risks = {"thresholds": [0.9], "answered": [10], "wrong": [1], "images": 20, "choices": 1}
    config = {"temperature": 1.5, "abstention": risks}
    (config if field == "temperature" else risks)[field] = value
    if field == "thresholds" and value == [0.1, 0.9]:
        risks |= {"answered": [10, 10], "wrong": [1, 1]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=rf"config\.json: (abstention\.)?{field} is"):
        read_probabilities(tmp_path)
