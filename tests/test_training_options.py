"""docs/training_options.md: it leaves no option out."""

import importlib.util
import inspect
import json
import re
import sys
from pathlib import Path

import pytest

from selfdistill import data
from selfdistill.data import Augmentation, Mixing

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "training_options.md").read_text()


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


@pytest.mark.slow
def test_its_figures_are_those_measured(generate):
    measured = json.loads((DOCS / "training_options.json").read_text())
    assert generate.tables(measured) in PAGE
    counted = {str(parts): generate.kept_bytes(parts) for parts in generate.PARTS}
    assert measured["accumulation"] == counted
