"""What users type, and what they read back."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from painted import paint_all
from selfdistill import cli
from selfdistill.config import parse


def say(capsys, *words):
    """Exit code, standard output, standard error of a command."""
    code = cli.main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_help_names_every_command(capsys, words):
    code, out, _ = say(capsys, *words)
    assert code == 0
    for command in cli.COMMANDS:
        assert f"  {command}" in out


@pytest.mark.parametrize(
    ("line", "imports"), [("--help", "torch"), ("train --help", "lightning_fabric")]
)
def test_help_does_not_wait_for_imports(line, imports):
    check = (
        "import contextlib, sys; from selfdistill import cli\n"
        f"with contextlib.suppress(SystemExit): cli.main({line.split()})\n"
        f"print({imports!r} in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert answer.stdout.endswith("False\n")


def test_as_a_module():
    answer = subprocess.run(
        [sys.executable, "-m", "selfdistill", "--version"], capture_output=True, text=True
    )
    assert answer.returncode == 0
    assert answer.stdout.startswith("selfdistill 0.")


MISTAKES = {
    "trian": "there is no command 'trian': did you mean train?",
    "train": "data, method, optimizer, schedule, epochs missing: give a folder as --data, "
    "or choose a recipe with --config; selfdistill recipes lists them",
    "--print_completion bash": "there is no option --print_completion before a command; see ",
    "train --print_shtab=bash": "unknown option --print_shtab: there is no shell completion",
    "train --config digits --method KD": "--method.teacher is missing: give --method.teacher RUN, ",
    "train --config digts": "there is no recipe digts, neither a file nor a shipped one: "
    "did you mean digits?",
    "train --config digits --epoch 3": "unknown option --epoch: did you mean --epochs?",
    "train --config digits --epochs abc": "--epochs abc: expected a whole number",
    "train --config digits --epochs 0": "epochs=0 must be at least 1",
    "train --config digits --seed": "--seed is followed by no value",
    "train --config digits 3": "unexpected word '3': options begin with --",
    "train --config digits --method SKDSM": "--method SKDSM: no such method; did you mean SKDSAM?",
    "train --config digits --data digit": "--data digit: no such data set; did you mean Digits?",
    "train --config digits --method.temperture 3": "unknown option --method.temperture: "
    "did you mean --method.temperature?",
    "train --config digits --method.fusion half": "--method.fusion half: "
    "expected one of full, target, off",
    "train --config digits --optimizer SGDD": "--optimizer SGDD: no such optimizer; "
    "did you mean SGD?",
    "train --config digits --optimizer.lrr 1": "unknown option --optimizer.lrr: "
    "did you mean --optimizer.lr?",
    "train --config digits --optimizer.lr fast": "--optimizer.lr fast: expected a number",
    "train --config digits --backbone.widht 3": "unknown option --backbone.widht: "
    "did you mean --backbone.width?",
    "train --config digits --method own_file.Missing": "own_file.Missing: there is no file "
    "own_file.py in the current folder",
    "train --config digits --warmup-epochs 50": "warmup_epochs=50 must lie below epochs=40",
    "train --config digits --accelerator tpu": "--accelerator tpu is not to be had here: "
    "try auto or cpu",
    "evaluate nowhere": "nowhere is not a finished run (summary.json is missing): train it to its "
    "end, or look at the path",
    "compare nowhere": "there is no run at nowhere; name a run directory or a summary file",
    "methods nope": "--method nope: no such method; known are ",
    "backbones nope": "no network matches 'nope': try '*nope*'",
    "recipes strong": "there is no recipe strong, neither a file nor a shipped one: "
    "did you mean cifar100/strong?",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_gets_one_line_and_exit_code_2(capsys, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = say(capsys, *line.split())
    assert code == 2
    assert err.startswith(f"selfdistill: {MISTAKES[line]}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_mistakes_that_only_data_and_network_show(capsys, tmp_path):
    mistakes = {
        "--config cifar100/strong --data.root nowhere": "nowhere/cifar-100-binary/train.bin is "
        "missing: point --data.root at",
        "--config digits --batch-size 500": "batch size 500 must be within 1 to 200",
        "--config digits --backbone resnet18_cifr": "there is no network 'resnet18_cifr': did you "
        "mean resnet18_cifar",
        "--config digits --method.temperature -1": "--method.temperature -1.0 must be greater than "
        "0",
    }
    for line, message in mistakes.items():
        code, _, err = say(capsys, "train", *line.split(), "--out", str(tmp_path / "run"))
        assert code == 2
        assert err.startswith(f"selfdistill: {message}")
        assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_debug_shows_where_an_error_arose():
    with pytest.raises(ValueError, match="no command"):
        cli.main(["trian", "--debug"])


def test_spellings_are_free():
    exact = "--method SKDSAM --method.exit_weight 2 --backbone.name small --compile true"
    loose = "--method skdsam --method.exit-weight=2 --backbone small --compile"
    one, other = (parse(["--config", "digits", *words.split()]) for words in (exact, loose))
    assert one.recipe.values == other.recipe.values


def test_the_documented_train_line():
    words = "--config cifar100/strong --data.root DATA --method SKDSAM --seed 1 --out runs/a"
    settings = parse(words.split())
    assert settings.recipe.name == "cifar100/strong"
    assert settings.recipe.paths == {"data.root": "DATA", "data.download": "False"}
    assert "root" not in settings.recipe.values["data"]["init_args"]
    assert settings.recipe.values["seed"] == 1
    assert settings.execution.out.as_posix() == "runs/a"


def test_a_cosine_ends_with_training_unless_told():
    def ends(*words):
        schedule = parse(["--config", "digits", *words]).ingredients.schedule
        return schedule.keywords["T_max"]

    assert ends() == 38
    assert ends("--epochs", "10", "--warmup-epochs", "0") == 10
    assert ends("--schedule.T_max", "7") == 7
    assert "T_max" not in parse(["--config", "digits"]).recipe.values["schedule"]["init_args"]


def test_methods_backbones_recipes(capsys):
    code, out, _ = say(capsys, "methods")
    assert code == 0
    assert "SKDSAM  " in out
    assert "The deepest stage teaches the shallow ones" in out
    code, out, _ = say(capsys, "methods", "byot")
    assert code == 0
    assert "--method.label-share 0.7" in out
    assert r"\mathcal{L}" in out
    code, out, _ = say(capsys, "backbones", "resnet18-cif*")
    assert (code, out) == (0, "resnet18_cifar\n")
    code, out, _ = say(capsys, "recipes", "cifar100/strong")
    assert code == 0
    assert "warmup_epochs: 5" in out


def test_train_evaluate_compare(capsys, tmp_path):
    for method in ("CrossEntropy", "SKDSAM"):
        words = f"train --config digits --method {method} --epochs 2 --warmup-epochs 0 --threads 1"
        words += " --backbone.width 8 --data.train-per-class 6 --data.validation-per-class 3"
        code, out, err = say(capsys, *words.split(), "--out", str(tmp_path / method))
        assert (code, err) == (0, "")
        assert "epoch 2/2  validation " in out
        assert out.rstrip().endswith(f"next        selfdistill report {tmp_path / method}")
    run = str(tmp_path / "SKDSAM")
    code, out, _ = say(capsys, "evaluate", run, "--format", "json")
    assert code == 0
    exits = {"network", "exit1", "exit2", "fusion"}
    assert json.loads(out).keys() == exits | {"split", "images", "classes"}
    code, out, _ = say(capsys, "evaluate", run)
    assert "accuracy %" in out
    assert "exit1" in out
    code, out, _ = say(capsys, "compare", run, str(tmp_path / "CrossEntropy"), "--format", "json")
    assert code == 0
    assert "validation" in json.loads(out)["split"]
    for form in ("table", "csv", "markdown"):
        code, out, _ = say(capsys, "compare", run, str(tmp_path / "CrossEntropy"), "--format", form)
        assert code == 0
        assert "SKDSAM" in out
    page = tmp_path / "page"
    words = ("report", run, str(tmp_path / "CrossEntropy"), "--to", str(page), "--title", "A & B")
    assert say(capsys, *words)[:2] == (0, f"{page}/index.html\n")
    assert "A &amp; B" in (page / "index.html").read_text()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_run_goes_on_when_nobody_reads_what_it_prints(tmp_path, monkeypatch, stream):
    read, write = os.pipe()
    os.close(read)
    words = "train --config digits --method CrossEntropy --epochs 2 --warmup-epochs 0 --threads 1"
    words += " --backbone.width 4 --data.train-per-class 5 --batch-size 25"
    with open(write, "w") as unread:  # noqa: PTH123
        monkeypatch.setattr(sys, stream, unread)
        assert cli.main([*words.split(), "--out", str(tmp_path)]) == 0
        assert cli.main(["methods"]) == 0
        assert cli.main(["trian"]) == 2
    assert (tmp_path / "summary.json").exists()


def test_augment_draws_a_sheet(capsys, tmp_path):
    picture = tmp_path / "sheet.png"
    code, out, _ = say(capsys, "augment", "digits", "--picture", str(picture), "--seed", "3")
    assert code == 0
    assert str(picture) in out
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("recipe", ["scratch", "finetune"])
def test_augment_draws_pictures_of_ones_own(capsys, tmp_path, monkeypatch, recipe):
    monkeypatch.setenv("SELFDISTILL_CACHE", str(tmp_path / "cache"))
    photos, picture = paint_all(tmp_path / "photos", 6), tmp_path / "sheet.png"
    words = ("--data", str(photos), "--image-size", "80", "--picture", str(picture))
    assert say(capsys, "augment", recipe, *words)[0] == 0
    with Image.open(picture) as sheet:
        assert sheet.size == (7 * 84, 8 * 84)


def test_help_of_train_asks_for_nothing_that_a_recipe_has(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    said = capsys.readouterr().out
    for wrong in ("required", "CONFIG     Path", "u0008", "\b"):
        assert wrong not in said
    assert said.startswith("usage: selfdistill train [--config RECIPE] --data FOLDER")


@pytest.mark.parametrize(
    ("words", "named", "option"),
    [
        ("--method.help skdsam", "--method SKDSAM", "--method.temperature TEMPERATURE"),
        ("--method.help=kd", "--method KD", "--method.teacher TEACHER"),
        ("--data.help ImageFolder", "--data ImageFolder", "--data.root ROOT"),
        ("--optimizer.help sgd", "--optimizer SGD", "--optimizer.lr LR"),
        ("--schedule.help onecyclelr", "--schedule OneCycleLR", "--schedule.max_lr MAX_LR"),
    ],
)
def test_help_of_a_class_names_the_command(capsys, words, named, option):
    with pytest.raises(SystemExit) as end:
        cli.main(["train", *words.split()])
    assert not end.value.code
    said = capsys.readouterr().out
    assert said.startswith(f"usage: selfdistill train {named} [{named.split()[0]}.OPTION VALUE …]")
    assert option in said
    for wrong in ("__main__", "CONFIG", "Help for"):
        assert wrong not in said
