"""docs/training_options.md: its commands run, and it leaves no option out."""

import importlib.util
import inspect
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from selfdistill import data
from selfdistill.cli import main
from selfdistill.data import Augmentation, Mixing

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "training_options.md").read_text()
COMMANDS = re.findall(r"^selfdistill (.+)$", PAGE, re.MULTILINE)
SMALLER = [
    *("--backbone.width", "4", "--epochs", "3", "--threads", "1", "--accelerator", "cpu"),
    *("--data.train-per-class", "4", "--data.test-per-class", "1", "--precision", "fp32"),
]


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location(
        "generate_training_options", DOCS / "generate_training_options.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(DOCS))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(DOCS))
    return module


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_run(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)
    assert main(words if words[0] == "augment" else [*words, *SMALLER]) == 0


def test_every_change_of_images_is_on_the_page():
    for name in data.__all__:
        value = getattr(data, name)
        if inspect.isclass(value) and issubclass(value, Augmentation | Mixing):
            known = f"`{name}`" in PAGE or value in (Augmentation, Mixing)
            assert known, f"show `{name}` on docs/training_options.md, with a command and a picture"


def test_its_pictures_are_drawn(generate):
    named = set(re.findall(r"\(figures/(\w+)\.png\)", PAGE))
    assert named == {path.stem for path in (DOCS / "figures").glob("*.png")}
    assert named - {"adversary", "average", "accumulation"} == generate.sheets().keys()


def test_its_figures_are_those_measured(generate):
    measured = json.loads((DOCS / "training_options.json").read_text())
    assert generate.tables(measured) in PAGE
    counted = {str(parts): generate.kept_bytes(parts) for parts in generate.PARTS}
    assert measured["accumulation"] == counted
