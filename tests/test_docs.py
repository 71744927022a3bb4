"""Pages that are written from the code say what it says."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

import selfdistill as sd
from selfdistill.methods import METHODS

DOCS = Path(__file__).parents[1] / "docs"
SMALLER = {"wrn_16_2": 32, "resnet18": 64, "convnext_atto": 64, "vit_tiny_patch16_224": 64}


def script(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generate():
    return script("generate_methods")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_sections_are_current(generate, method):
    assert generate.section(method) in (DOCS / "methods.md").read_text()


def test_the_page_of_methods_is_current(generate):
    assert generate.page(generate.read_measured()) == (DOCS / "methods.md").read_text()


def test_only_new_and_named_methods_are_measured(generate, monkeypatch, tmp_path):
    stored = generate.read_measured()
    file, made = tmp_path / "methods.json", []
    file.write_text(json.dumps({name: stored[name] for name in stored if name != "PSKD"}))
    monkeypatch.setattr(generate, "MEASURED", file)
    monkeypatch.setattr(generate, "PAGE", tmp_path / "methods.md")
    monkeypatch.setattr(generate, "measure", lambda names: made.append(names) or {"PSKD": {}})
    monkeypatch.setattr(generate, "page", str)
    with pytest.raises(SystemExit, match="PSKD not measured yet: run this with --measure"):
        generate.main([])
    generate.main(["--measure", "DLB"])
    assert made == [["PSKD", "DLB"]]
    generate.main([])
    assert list(json.loads(file.read_text())) == [
        *(name for name in stored if name != "PSKD"),
        "PSKD",
    ]


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


def test_the_design_page_lists_the_files_there_are():
    design = script("generate_design")
    assert design.page() == design.PAGE.read_text(), "run python docs/generate_design.py"


def test_what_the_design_page_names_exists():
    page = (DOCS / "design.md").read_text().partition("<!-- files -->")[0]
    for path in re.findall(r"`(tests/[\w/.]+|testing/\w+\.py|config/\w+\.py)`", page):
        assert (DOCS.parent / path).exists() or (DOCS.parent / "src/selfdistill" / path).exists(), (
            path
        )
