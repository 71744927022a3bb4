"""A study of anybody's images, without a file."""

import numpy as np
import pytest
import yaml
from PIL import Image

from selfdistill import cli
from selfdistill.config import read_options
from selfdistill.studies import from_options, study_files

ROOM = ["--backbone", "small", "--image-size", "16", "--epochs", "1", "--warmup-epochs", "0"]
TRAIN = [*ROOM, "--batch-size", "8", "--precision", "fp32"]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two classes of ten pictures, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELFDISTILL_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for shade, name in enumerate(("ant", "bee")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            pixels = random.integers(60 * shade, 60 * shade + 120, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path


def test_words_become_a_file_a_comparison_and_a_verdict(photos, tmp_path, capsys):
    words = ["study", "--data", "photos/", "--methods", "crossentropy", "BYOT", "--seeds", "1"]
    assert cli.main([*words, "--out", "runs/mine", *TRAIN]) == 0
    out = capsys.readouterr().out
    assert "mine: 2 runs, 0 done, 2 to train" in out
    assert "validation split, last epoch" in out
    assert "No verdict on BYOT against cross-entropy" in out
    assert "The runs are in runs/mine." in out
    for method in ("CrossEntropy", "BYOT"):
        assert (tmp_path / "runs" / "mine" / method / "seed0" / "model").is_dir()

    assert cli.main(["study", "runs/mine/study.yaml"]) == 0
    assert "mine: 2 runs, 2 done, 0 to train" in capsys.readouterr().out


def test_what_is_written_is_what_is_run(photos, tmp_path):
    words = ["--config", "cifar100/two_cores", "--data.root=a b", "--optimizer.lr", "1e-3"]
    words += ["--epochs", "3", "--backbone.pretrained"]
    content = from_options.describe(
        read_options(words), methods=["KD", "CrossEntropy"], seeds=[4, 2]
    )
    study_files.write_file(content, tmp_path / "study.yaml")
    assert yaml.safe_load((tmp_path / "study.yaml").read_text()) == content
    study = study_files.load(str(tmp_path / "study.yaml"))
    assert content["name"] == "cifar100-two_cores"
    assert (study.name, study.seeds, study.split) == (tmp_path.name, (4, 2), None)
    assert study.cells[0].teacher == "CrossEntropy"
    assert study.cells[1].options == {
        "config": "cifar100/two_cores",
        "method": "CrossEntropy",
        "data.root": "a b",
        "optimizer.lr": "1e-3",
        "epochs": "3",
        "backbone.pretrained": "true",
    }


def test_options_go_to_the_methods_that_have_them():
    words = ["--config", "digits", "--method.teacher", "runs/a", "--method.temperature=2"]
    cells = from_options.describe(
        read_options(words), methods=["CrossEntropy", "KD", "BYOT"], seeds=[1]
    )["cells"]
    assert cells == {
        "CrossEntropy": {"method": "CrossEntropy"},
        "KD": {"method": "KD", "method.teacher": "runs/a", "method.temperature": 2},
        "BYOT": {"method": "BYOT", "method.temperature": 2},
    }


def test_it_goes_where_its_folder_goes(photos, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    words = ["study", "--data", "../photos", "--methods", "CrossEntropy", "--seeds", "1"]
    assert cli.main([*words, "--out", ".", *TRAIN]) == 0
    assert (tmp_path / "here" / "CrossEntropy" / "seed0" / "summary.json").is_file()
    (tmp_path / "here").rename(tmp_path / "there")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    capsys.readouterr()
    assert cli.main(["study", "../there"]) == 0
    assert "there: 1 runs, 1 done, 0 to train" in capsys.readouterr().out


def test_it_is_called_as_its_images(photos):
    (photos / "tables").mkdir()
    (photos / "tables" / "mine.csv").write_text("image,label\n")
    (photos / "photos.v2").mkdir()
    for words, name in {
        "--data photos/": "photos",
        "--data photos.v2": "photos.v2",
        "--data tables/mine.csv": "mine",
        "--data CIFAR100 --config cifar100/strong": "cifar100",
        "--config cifar100/strong": "cifar100-strong",
    }.items():
        assert (
            from_options.describe(read_options(words.split()), methods=["BYOT"], seeds=[1])["name"]
            == name
        )


MISTAKES = {
    "--data photos --methods CrossEntropy SKDSM": "no such method; did you mean SKDSAM?",
    "--data photos --methods BYOT byot": "--methods BYOT BYOT: one is named twice",
    "--data photos --methods KD": "KD learns from a teacher: add CrossEntropy to --methods",
    "--data photos --methods BYOT --method SKDSAM": "--method SKDSAM: a study takes --methods",
    "--data photos --methods BYOT --method.label_smoothing 3": "none of BYOT has such an option",
    "--data photos --methods BYOT --seed 3": "--seed 3: a study takes --seeds",
    "--data photos --methods BYOT --seeds 0": "--seeds 0: give how many, or several different",
    "--data photos --methods BYOT --seeds 1 1": "--seeds 1 1: give how many, or several",
    "--data photos --methods BYOT --epoch 3": "unknown option --epoch: did you mean --epochs?",
    "--data fotos/ --methods BYOT": "--data fotos/: nothing lies there",
    "--methods BYOT": "say what the methods are compared on: --data photos/, or --config RECIPE",
    "--data photos": "name a study or its file, or give --data and --methods",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_mistakes_cost_nothing(photos, tmp_path, words, capsys):
    assert cli.main(["study", *words.split()]) == 2
    error = capsys.readouterr().err
    assert MISTAKES[words] in error
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "text", ["[2024] photos/", "a: b", "@x", "*x", "%x", "`x", '"x', "x\ty", "nan"]
)
def test_a_text_that_is_no_yaml_stays_a_text(text):
    options = {"data.root": text, "epochs": "3", "lr": "0.1", "a": "1e3"}
    values = {option: from_options._natural(value) for option, value in options.items()}
    assert values == {"data.root": text, "epochs": 3, "lr": 0.1, "a": "1e3"}
