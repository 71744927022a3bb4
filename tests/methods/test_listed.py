"""What a listed method owes beside what the contract battery, golden curves and pages ask for."""

import re
from pathlib import Path

import pytest
import yaml

import selfdistill as sd
from selfdistill import methods, recipes

NAMES = {method.__name__ for method in methods.METHODS}


def test_every_method_that_is_written_is_listed():
    files = Path(methods.__file__).parent.glob("*.py")
    texts = [file.read_text(encoding="utf-8") for file in files]
    assert {
        name for text in texts for name in re.findall(r"^class (\w+)\(Method\)", text, re.M)
    } == NAMES


@pytest.mark.parametrize("room", [sd, methods])
def test_every_method_is_exported(room):
    assert set(room.__all__) >= NAMES


@pytest.mark.parametrize("method", methods.METHODS)
def test_every_method_has_its_equation_and_gradients_tested(method):
    module = method.__module__.rpartition(".")[2]
    text = (Path(__file__).parent / f"test_{module}.py").read_text(encoding="utf-8")
    assert "by_hand" in text, "its equation by another route"
    assert "check_reaches" in text, "which parameters each term trains"


def test_every_method_is_a_cell_of_the_study_that_trains_each_once():
    file = recipes.FOLDER / "studies" / "two_cores_methods.yaml"
    cells = yaml.safe_load(file.read_text(encoding="utf-8"))["cells"]
    assert {cell["method"] for cell in cells.values()} == NAMES
