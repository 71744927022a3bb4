"""Options that YAML would misread, and values that no computer computes with."""

from pathlib import Path

import pytest

from selfdistill.config import parse

NAMES = ["[2024] photos", "a: b", "- a", "#hash", "@x", "*x", "%x", "{x", "`x", "!x", '"x', "2024"]


@pytest.mark.parametrize("name", [*NAMES, "x\ty", "caf\udce9", "null:", "on"])
def test_a_folder_of_any_name_is_the_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    words = ["--method", "CrossEntropy", "--cache-dir", name, "--out", name, "--image-size", "32"]
    settings = parse(["--data", f"{name}/", "--backbone", "small", *words])
    assert settings.recipe.paths == {"data.root": f"{name}/", "data.cache_dir": name}
    assert Path(settings.ingredients.data.root) == settings.execution.out == Path(name)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "--optimizer.momentum=" + "1" * 40,
            "--optimizer.momentum 1.11.*e.39: give a finite",
        ),
        ("--optimizer.momentum=1e39", "--optimizer.momentum 1e\\+39: give a finite number"),
        ("--optimizer.lr=.nan", "--optimizer.lr nan: give a finite number"),
        ("--checkpoint-seconds=.inf", "--checkpoint_seconds inf: give a finite number"),
        ("--adversary.steps=null", "--adversary.steps null: give a value"),
        ("--epochs=null", "epochs"),
    ],
)
def test_impossible_values_are_refused_by_name(word, message):
    with pytest.raises(ValueError, match=message):
        parse(["--config", "digits", "--method", "CrossEntropy", word])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--threads 0", "--threads 0: give 1 to "),
        ("--threads -1", "--threads -1: give 1 to "),
        ("--threads 100000", "--threads 100000: give 1 to "),
        ("--devices 0 --accelerator cpu", "--devices 0: give 1 to "),
        ("--devices 2147483648 --accelerator cpu", "--devices 2147483648: give 1 to "),
        ("--num-nodes 0", "--num-nodes 0: give the number of machines"),
    ],
)
def test_threads_and_devices_are_bounded_by_the_machine(words, message, tmp_path):
    from selfdistill.training import train

    run = ["--config", "digits", "--method", "CrossEntropy", "--out", str(tmp_path / "run")]
    with pytest.raises(ValueError, match=message):
        train(parse([*run, *words.split()]))
    assert not (tmp_path / "run").exists()
