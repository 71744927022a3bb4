"""The README's code runs, and its commands are commands."""

import importlib.util
import re
from pathlib import Path

import pytest

from selfdistill.cli import COMMANDS
from selfdistill.config import parse

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_its_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(import torch\n.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "net.pt").exists()


def test_its_commands_exist():
    named = set(re.findall(r"(?:^|`)selfdistill (\w+)", README, re.MULTILINE))
    assert named
    assert named <= COMMANDS.keys()


@pytest.mark.parametrize("line", re.findall(r"^selfdistill train (.+)$", README, re.MULTILINE))
def test_its_training_lines_read(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    assert parse(line.split())


def test_its_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_its_results_are_those_under_results():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate_results.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.BLOCK.search(README)
    assert generate.written(README) == README, "run python docs/generate_results.py"
