"""docs/methods.md says what the code says."""

import importlib.util
import re
from pathlib import Path

import pytest

import selfdistill as sd
from selfdistill.methods import METHODS

DOCS = Path(__file__).parents[1] / "docs"
SMALLER = {"wrn_16_2": 32, "resnet18": 64, "convnext_atto": 64, "vit_tiny_patch16_224": 64}


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate_methods.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_sections_are_current(generate, method):
    assert generate.section(method) in (DOCS / "methods.md").read_text()


def test_costs_are_current(generate):
    assert generate.cost_table() in (DOCS / "methods.md").read_text()


@pytest.mark.parametrize("backbone", SMALLER)
def test_every_method_trains_on_every_kind_of_network(generate, backbone):
    page = (DOCS / "methods.md").read_text()
    for method in METHODS:
        assert generate.suits(method, backbone, SMALLER[backbone]) == "yes"
    heading = next(line for line in page.splitlines() if line.startswith("| method | resnet18_ci"))
    assert backbone in heading


def test_the_method_of_the_page_on_adding_one_keeps_its_contract():
    page = (DOCS / "adding_a_method.md").read_text()
    names: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], names)
    sd.testing.check_method(names["Mine"])
