"""Classes and networks by path: from a file of the current folder, or a package built on ours."""

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest

from selfdistill import cli
from selfdistill.methods import CrossEntropy
from selfdistill.training import parse

OWN = """
import selfdistill as sd
from selfdistill.methods import Output
from torch import nn

class Mine(sd.Method):
    def __init__(self, backbone, *, share: float = 0.5) -> None:
        super().__init__(backbone)
        self.share = share

    def forward(self, images, labels) -> Output:
        logits = self.backbone(images)
        return Output({"labels": self.share * nn.functional.cross_entropy(logits, labels)}, logits)

def net(num_classes: int) -> nn.Module:
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.Conv2d(4, 4, 3, stride=4), head)
"""
TRAP = "raise AssertionError('this module must not be imported')"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder; as for the installed command, Python does not look into it."""
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", ".")])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def forget():
    """Leave what another process would not know."""
    sys.path.remove(str(Path.cwd()))
    del sys.modules["own_run"]


@pytest.fixture
def site(tmp_path_factory, folder, monkeypatch):
    """Where packages are installed."""
    place = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(place)
    return place


def install(site, name, code, *needed):
    (site / f"{name}.py").write_text(code)
    described = site / f"{name}_dist-1.0.dist-info"
    described.mkdir()
    lines = [f"Name: {name}-dist", "Version: 1.0", *(f"Requires-Dist: {n}" for n in needed)]
    (described / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]))
    (described / "top_level.txt").write_text(name)


def learns(method):
    """The class path of the method that a recipe settles on."""
    return parse(["--config", "digits", "--method", method]).resolved["method"]["class_path"]


def test_an_own_run_is_evaluated_and_repeated_by_other_processes(words, folder, capsys):
    (folder / "own_run.py").write_text(OWN)
    given = [w for w in words if w not in ("--backbone.width", "8", "--method", "SKDSAM")]
    given += ["--method", "own_run.Mine", "--backbone", "own_run.net"]
    given += ["--backbone.stages", "0,1", "--epochs", "2"]
    assert cli.main(["train", *given, "--out", "one"]) == 0
    forget()
    assert cli.main(["evaluate", "one", "--threads", "1"]) == 0
    forget()
    assert cli.main(["train", "--config", "one/recipe.yaml", "--out", "two"]) == 0
    assert cli.main(["train", *given, "--out", "one"]) == 0
    assert "finished already" in capsys.readouterr().out
    one, two = (json.loads(Path(run, "summary.json").read_text()) for run in ("one", "two"))
    assert one["weights"] == two["weights"]
    assert one["recipe"]["method"]["class_path"] == "own_run.Mine"


def test_a_file_in_a_folder(folder):
    (folder / "own_folder").mkdir()
    (folder / "own_folder" / "part.py").write_text(OWN)
    assert learns("own_folder.part.Mine") == "own_folder.part.Mine"


def test_an_installed_package_that_needs_ours(site):
    install(site, "third", OWN, "numpy", "selfdistill>=0.1")
    words = ["--config", "digits", "--method", "third.Mine", "--method.share", "2"]
    assert parse(words).recipe.method.keywords == {"share": 2.0}


def spelt(path):
    """Everywhere that a class path can stand."""
    choice = json.dumps({"class_path": path})
    nested = json.dumps({"class_path": "CrossEntropy", "init_args": {"a": [{"class_path": path}]}})
    return [
        ["--method", path],
        ["--method", choice],
        ["--method", nested],
        ["--method.class_path", path],
        ["--method.backbone", f"class_path: {path}"],
        ["--data", path],
        ["--mixing", choice],
        ["--augment", f"[{choice}]"],
        ["--augment+", f"class_path: {path}"],
        ["--schedule", path],
        ["--config", json.dumps({"method": path})],
        ["--config", json.dumps({"method": json.loads(nested)})],
        ["--config", json.dumps({"augment": [path]})],
        ["--config", json.dumps({"optimizer": {"class_path": path}})],
    ]


def test_any_other_module_is_refused_before_it_is_imported(site, monkeypatch):
    install(site, "trap", TRAP, "numpy", "torchvision")
    listed = metadata.packages_distributions()
    monkeypatch.setattr(metadata, "packages_distributions", lambda: listed)
    for words in spelt("trap.Mine"):
        with pytest.raises(ValueError, match=r"^trap.Mine: there is no file trap.py in the curr"):
            parse(["--config", "digits", *words])


def test_what_is_no_class_of_the_kind(folder, capsys):
    (folder / "own_kinds.py").write_text(OWN)
    (folder / "json.py").write_text(TRAP)
    mistakes = {
        "--method own_kinds.net": "--method own_kinds.net: it is no subclass of Method",
        "--optimizer own_kinds.Mine": "--optimizer own_kinds.Mine: it is no subclass of Optimizer",
        "--method own_kinds.Missing": "own_kinds.Missing: own_kinds has no 'Missing'",
        "--method nowhere.part.Mine": "nowhere.part.Mine: there is no file nowhere/part.py in the",
        "--method ./own_kinds.py": "./own_kinds.py is no name in a file: write FILE.NAME",
        "--method os.system": "--method os.system: it is no subclass of Method",
        "--method torch.nowhere.Mine": "torch.nowhere.Mine: there is no file torch/nowhere.py",
        "--method json.Mine": f"{folder / 'json.py'} is hidden by ",
    }
    for words, message in mistakes.items():
        assert cli.main(["train", "--config", "digits", *words.split()]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"selfdistill: {message}")
        assert said.count("\n") == 1


def test_a_class_that_is_there_already():
    assert learns(f"{CrossEntropy.__module__}.CrossEntropy") == "CrossEntropy"


def test_the_options_of_an_own_method_are_described(folder, capsys):
    (folder / "own_told.py").write_text(OWN)
    assert cli.main(["methods", "own_told.Mine"]) == 0
    assert "--method.share 0.5" in capsys.readouterr().out
