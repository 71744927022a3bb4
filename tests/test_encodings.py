"""Files are UTF-8 whatever the locale."""

import ast
from pathlib import Path

import pytest

import selfdistill

FILES = sorted(Path(selfdistill.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_text_files_are_opened_with_an_encoding(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue  # read_text of runs.reading, a function, reads UTF-8
        modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        opens_text = node.func.attr == "open" and modes and str(modes[-1]) in ("r", "w", "a", "x")
        if opens_text or node.func.attr in ("read_text", "write_text"):
            assert "encoding" in {keyword.arg for keyword in node.keywords}, node.lineno
