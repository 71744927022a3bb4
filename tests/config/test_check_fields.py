"""Recipes whose fields hold something of another shape: one line that names file and field."""

import copy
import re

import pytest
import yaml

from selfdistill import cli
from selfdistill.config import Recipe, parse

WRONG = {
    "null": None,
    "list": [1],
    "lists": [[1]],
    "mapping": {"a": 1},
    "class": {"class_path": [1], "init_args": 3},
    "text": "[",
    "number": 3,
    "huge": 10**30,
    "infinite": float("inf"),
    "bool": True,
}
TURNS = 3
"""Each place meets every so manieth shape."""
NULLABLE = {"mixing", "adversary", "init", "ema_decay"}


@pytest.fixture(scope="module")
def recipe():
    words = ["--config", "digits", "--method", "SKDSAM", "--mixing", "Mixup"]
    return parse([*words, "--precision", "fp32", "--adversary.epsilon", "0.01"]).recipe.values


def replaced(recipe, path, value):
    """A recipe with another value in one place."""
    recipe = inner = copy.deepcopy(recipe)
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return recipe


def places(value, path=()):
    """Every place of a recipe: one augmentation stands for all."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for name, inner in items:
        yield (*path, name)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, name))


def refusal(file):
    """How a recipe is refused; empty if it is not."""
    try:
        parse(["--config", str(file)])
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_shape_is_refused_by_file_and_field(recipe, tmp_path, kind):
    file, value = tmp_path / "mine.yaml", WRONG[kind]
    refused, turn = 0, list(WRONG).index(kind) % TURNS
    for number, path in enumerate(places(recipe)):
        if path[0] == "format" or number % TURNS != turn:
            continue
        file.write_text(yaml.safe_dump(replaced(recipe, path, value)))
        said = refusal(file)
        refused += bool(said)
        if said:
            assert re.fullmatch(rf"{re.escape(str(file))}.*", said), (path, said)
            assert "Parser key" not in said
        else:
            assert not isinstance(value, list), path
            assert value is not None or path[0] in NULLABLE or len(path) > 1, path
    assert refused > 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data", {"class_path": "Digits", "init_args": [1]}),
        ("method", {"class_path": "BYOT", "init_args": 3}),
        ("optimizer", {"class_path": {}}),
        ("augment", [{"class_path": "PadCrop", "init_args": {"padding": None}}]),
        ("augment", "PadCrop"),
        ("backbone", [1]),
        ("batch_size", None),
        ("batch_size", {}),
    ],
)
def test_the_command_ends_as_for_bad_input(recipe, tmp_path, capsys, field, value):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({**recipe, field: value}))
    assert cli.main(["train", "--config", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(file) in line
    assert field in line or "PadCrop.padding null" in line


def test_a_choice_on_the_command_line_is_looked_at_too():
    with pytest.raises(ValueError, match=r"method\.init_args is 3, expected options by name"):
        parse(["--config", "digits", "--method", '{"class_path": "BYOT", "init_args": 3}'])


def test_an_option_that_words_give_is_no_fault_of_the_file(recipe, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(recipe))
    with pytest.raises(ValueError, match=r"^--optimizer\.lr x: expected a number"):
        parse(["--config", str(file), "--optimizer.lr", "x"])


def test_a_misspelt_field_of_a_stored_recipe_is_told_with_its_file(recipe, tmp_path):
    spoilt = replaced(recipe, ("optimizer", "init_args", "momentUm"), 0.9)
    file = tmp_path / "recipe.yaml"
    with pytest.raises(ValueError, match=r"^.*recipe\.yaml: unknown option --optimizer\.momentUm"):
        Recipe.from_dict(spoilt, own_code={}, where=file)
    file.write_text(yaml.safe_dump(spoilt))
    with pytest.raises(ValueError, match=r"^.*recipe\.yaml: unknown option --optimizer\.momentUm"):
        parse(["--config", str(file)])
