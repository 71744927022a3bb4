"""Classes and networks by path: from a file of the current folder, or a package built on ours."""

import inspect
import io
import json
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import metadata
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from forged import forge_recipe
from selfdistill import cli, recipes
from selfdistill.config import parse
from selfdistill.config.registry import KINDS
from selfdistill.methods import CrossEntropy

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


def forget(module="own_run"):
    """Leave what another process would not know."""
    sys.path.remove(str(Path.cwd()))
    del sys.modules[module]


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
    return parse(["--config", "digits", "--method", method]).recipe.values["method"]["class_path"]


def test_an_own_run_is_evaluated_and_repeated_by_other_processes(words, folder, capsys):
    (folder / "own_run.py").write_text(OWN)
    given = [w for w in words if w not in ("--backbone.width", "8", "--method", "SKDSAM")]
    given += ["--method", "own_run.Mine", "--backbone", "own_run.net"]
    given += ["--backbone.stages", "0,1", "--epochs", "2"]
    assert cli.main(["train", *given, "--out", "one"]) == 0
    forget()
    assert cli.main(["evaluate", "one", "--threads", "1"]) == 0
    forget()
    Image.new("RGB", (32, 32)).save("x.png")
    assert cli.main(["predict", "one", "x.png"]) == 0
    forget()
    assert cli.main(["train", "--config", "one/recipe.yaml", "--out", "two"]) == 0
    assert cli.main(["train", *given, "--out", "one"]) == 0
    assert "finished already" in capsys.readouterr().out
    forget()
    (folder / "own_run.py").write_text(OWN + "changed = True")
    code, said = recording(["evaluate", "one"])
    assert code == 2
    assert "own_run.net, code of the current folder that has changed since: add --allow" in said
    assert cli.main(["evaluate", "one", "--allow-own-code", "--threads", "1"]) == 0
    forget()
    one, two = (json.loads(Path(run, "summary.json").read_text()) for run in ("one", "two"))
    assert one["weights"] == two["weights"]
    assert one["recipe"]["method"]["class_path"] == "own_run.Mine"


OWN_CHANGE = """
from dataclasses import dataclass
from typing import ClassVar
from selfdistill.data import Augmentation

@dataclass(frozen=True, kw_only=True)
class Invert(Augmentation):
    draws_per_image: ClassVar[int] = 1
    share: float = 0.5

    def apply(self, images, draws):
        return images.where(draws[:, :1, None, None] >= self.share, 255 - images)
"""


def test_a_run_with_an_own_augmentation_is_opened_by_other_processes(words, folder):
    (folder / "own_change.py").write_text(OWN_CHANGE)
    step = "{class_path: own_change.Invert, init_args: {share: 0.3}}"
    words = [*words, "--augment+", step, "--epochs", "2"]
    assert cli.main(["train", *words, "--out", "one"]) == 0
    forget("own_change")
    assert cli.main(["evaluate", "one", "--threads", "1"]) == 0
    forget("own_change")
    assert cli.main(["train", "--config", "one/recipe.yaml", "--out", "two"]) == 0
    one, two = (json.loads(Path(run, "summary.json").read_text()) for run in ("one", "two"))
    assert one["weights"] == two["weights"]
    assert one["recipe"]["augment"][-1]["class_path"] == "own_change.Invert"


def test_a_file_in_a_folder(folder):
    (folder / "own_folder").mkdir()
    (folder / "own_folder" / "part.py").write_text(OWN)
    assert learns("own_folder.part.Mine") == "own_folder.part.Mine"


def test_an_installed_package_that_needs_ours(site):
    install(site, "third", OWN, "numpy", "selfdistill>=0.1")
    words = ["--config", "digits", "--method", "third.Mine", "--method.share", "2"]
    assert parse(words).ingredients.method.keywords == {"share": 2.0}


def spelt(path):
    """Everywhere that a class path can stand."""
    choice = json.dumps({"class_path": path})
    return [
        ["--method", path],
        ["--method", choice],
        ["--method.class_path", path],
        ["--data", path],
        ["--mixing", choice],
        ["--augment", f"[{choice}]"],
        ["--augment+", f"class_path: {path}"],
        ["--schedule", path],
        ["--config", json.dumps({"method": path})],
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


def imports(path):
    """Everywhere that no class belongs, and the parser would import one."""
    choice = {"class_path": path}
    nested = {"class_path": "CrossEntropy", "init_args": {"a": [choice]}}
    return [
        ["--method", json.dumps(nested)],
        ["--method.backbone", f"class_path: {path}"],
        ["--method", "KD", "--method.teacher", path],
        ["--optimizer.lr", path],
        ["--optimizer", "Adam", "--optimizer.betas", f"[{path}, 0.9]"],
        ["--config", json.dumps({"method": nested})],
        ["--config", json.dumps({"backbone": choice})],
        ["--config", json.dumps({"backbone": path})],
        ["--config", json.dumps({"adversary": path})],
        ["--config", json.dumps({"optimizer": {"class_path": "SGD", "init_args": {"lr": choice}}})],
        ["--config", json.dumps({"optimizer": {"class_path": "SGD", "dict_kwargs": {"lr": path}}})],
        ["--schedule", "CyclicLR", "--schedule.scale_fn", path],
        ["--schedule.class_path=CyclicLR", "--schedule.init_args", f"{{scale_fn: {path}}}"],
        [
            "--config",
            json.dumps({"schedule": {"class_path": "LambdaLR", "init_args": {"lr_lambda": path}}}),
        ],
    ]


def test_nothing_is_imported_for_an_option_that_takes_no_class(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)  # as for `python -m selfdistill`
    (folder / "trap.py").write_text(TRAP)
    for words in imports("trap.Mine"):
        with pytest.raises(ValueError, match=r"takes no class|takes a function|is imported for"):
            parse(["--config", "digits", *words])


def test_no_function_of_any_optimizer_or_schedule_can_be_named():
    refused = []
    for group, module in (("optimizer", torch.optim), ("schedule", torch.optim.lr_scheduler)):
        kinds = {k: v for k, v in vars(module).items() if inspect.isclass(v)}
        for name in (name for name, kind in kinds.items() if issubclass(kind, KINDS[group])):
            parameters = inspect.signature(kinds[name]).parameters.items()
            for option in (k for k, p in parameters if "Callable" in str(p.annotation)):
                choice = {"class_path": name, "init_args": {option: "math.sqrt"}}
                with pytest.raises(ValueError, match=rf"--{group}.{option} takes a function"):
                    parse(["--config", "digits", "--config", json.dumps({group: choice})])
                refused.append(f"{name}.{option}")
    assert {"CyclicLR.scale_fn", "LambdaLR.lr_lambda"} <= set(refused)


def recording(words):
    """What a command answers: its exit code and its last line on standard error."""
    with redirect_stderr(io.StringIO()) as said, redirect_stdout(io.StringIO()):
        code = cli.main(words)
    return code, said.getvalue().strip().rpartition("\n")[2]


def test_a_downloaded_run_runs_no_file(finished, folder, words):
    shutil.copytree(finished, "run")
    (folder / "trap.py").write_text(TRAP)
    recipe = yaml.safe_load(Path("run/recipe.yaml").read_text())
    stored = {"method": {"class_path": "trap.Mine"}, "backbone": {"name": "trap.net"}}
    stored["augment"] = [{"class_path": "trap.Mine"}]
    for part, content in stored.items():
        forge_recipe(Path("run"), {**recipe, part: content})
        for command in (
            ["evaluate", "run"],
            ["evaluate", "run", "--corruptions"],
            ["predict", "run", "x.png", "--exits"],
            ["attention", "run", "x.png"],
            ["train", "--config", "run/recipe.yaml", "--out", "new"],
            ["train", *words, "--out", "run"],
        ):
            Image.new("RGB", (32, 32)).save("x.png")
            code, said = recording(command)
            assert code == 2, command
            assert "--allow-own-code" in said, (command, said)
        for command in (["compare", "run"], ["report", "run", "--to", "page"]):
            assert recording(command)[0] == 0, command  # they run nothing that a recipe names


def test_a_package_of_the_current_folder_is_code_of_strangers_too(finished, folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    shutil.copytree(finished, "run")
    install(folder, "trap", TRAP, "torch")
    (folder / "trap").mkdir()
    (folder / "trap.py").rename(folder / "trap" / "__init__.py")
    recipe = yaml.safe_load(Path("run/recipe.yaml").read_text())
    forge_recipe(Path("run"), {**recipe, "method": {"class_path": "trap.Mine"}})
    assert "--allow-own-code" in recording(["evaluate", "run"])[1]


def test_what_is_no_class_of_the_kind(folder, capsys):
    (folder / "own_kinds.py").write_text(OWN)
    (folder / "json.py").write_text(TRAP)
    mistakes = {
        "--method own_kinds.net": "--method own_kinds.net: it is not a subclass of Method",
        "--optimizer own_kinds.Mine": "--optimizer own_kinds.Mine: it is not a subclass of Opt",
        "--method own_kinds.Missing": "own_kinds.Missing: own_kinds has no 'Missing'",
        "--method nowhere.part.Mine": "nowhere.part.Mine: there is no file nowhere/part.py in the",
        "--method ./own_kinds.py": "./own_kinds.py is not a name in a file: write FILE.NAME",
        "--method os.system": "--method os.system: it is not a subclass of Method",
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


def test_a_study_runs_its_own_files_while_they_are_unchanged(folder):
    (folder / "own_run.py").write_text(OWN)
    typed = ["study", "--config", "digits", "--methods", "own_run.Mine", "--seeds", "1"]
    assert cli.main([*typed, "--out", "st", "--budget", "0s"]) == 0
    forget()
    assert cli.main(["study", "st", "--budget", "0s"]) == 0
    forget()
    (folder / "own_run.py").write_text(TRAP)
    code, said = recording(["study", "st", "--budget", "0s"])
    assert code == 2
    assert "names own_run.Mine, code of the current folder that has changed since" in said
    assert recording(["report", "st"])[0] == 2  # there is nothing to report, and nothing was run


@pytest.mark.parametrize(
    "cell",
    [
        "method: trap.Mine",
        "method: '{class_path: trap.Mine}'",
        "method.class_path: trap.Mine",
        "{method: CrossEntropy, backbone: trap.net}",
        "{method: CrossEntropy, backbone.name: trap.net}",
        "{method: CrossEntropy, config: trap.yaml}",
    ],
)
def test_a_study_of_strangers_runs_no_file(folder, cell):
    (folder / "trap.py").write_text(TRAP)
    recipe = yaml.safe_load(recipes.find("digits").read_text())
    (folder / "trap.yaml").write_text(yaml.safe_dump({**recipe, "augment": ["trap.Mine"]}))
    cell = cell if cell.startswith("{") else f"{{{cell}}}"
    Path("s.yaml").write_text(f"seeds: 1\noptions: {{config: digits}}\ncells: {{A: {cell}}}\n")
    code, said = recording(["study", "s.yaml", "--budget", "0s"])
    assert code == 2
    assert "add --allow-own-code" in said
