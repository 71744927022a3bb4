"""The rule in a model folder: read as it was written, and refused in a line where it is not."""

import json

import pytest

from selfdistill.deployment import ExitPromise, ExitRule, read_exit_rule, write_exit_rule

RULE = ExitRule(
    exits=("exit1", "exit3"),
    thresholds=(0.875, 0.0),
    temperatures=(1.5, 0.5, 2.0),
    promise=ExitPromise("risk", 0.05),
    images=400,
)


def rewrite(folder, **fields):
    """Change fields as somebody would who leaves the seal out."""
    file = folder / "exits.json"
    values = json.loads(file.read_text())
    values.pop("sha256")
    file.write_text(json.dumps(values | fields))


def test_a_rule_is_read_as_it_was_written(tmp_path):
    write_exit_rule(tmp_path, RULE)
    assert read_exit_rule(tmp_path) == RULE
    assert json.loads((tmp_path / "exits.json").read_text())["format"] == 1


def test_a_folder_without_a_rule_says_how_to_fit_one(tmp_path):
    with pytest.raises(ValueError, match=r"exits.json is missing: .*`selfdistill exits RUN"):
        read_exit_rule(tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 2}, "newer version"),
        ({"exits": ["exit1", "exit1"]}, "exits is .*, expected names of exits, each once"),
        ({"exits": [1, 2]}, "exits is .*, expected names"),
        ({"exits": []}, "exits is .*, expected names"),
        ({"thresholds": [0.5]}, r"thresholds is \[0.5\], expected 2 numbers"),
        ({"thresholds": [0.5, 1.5]}, "expected numbers within 0 to 1"),
        ({"temperatures": [1.0, 1.0]}, "expected 3 numbers"),
        ({"temperatures": [1.0, 0.0, 1.0]}, "expected numbers within 0.01 to 100"),
        ({"promise": {"kind": "luck", "value": 1}}, "promise.kind is 'luck', expected max_drop or"),
        ({"images": 0}, "images is 0, expected a whole number"),
        ({"thresholds": None}, "thresholds is None"),
    ],
)
def test_a_damaged_rule_is_a_line(tmp_path, fields, message):
    write_exit_rule(tmp_path, RULE)
    rewrite(tmp_path, **fields)
    with pytest.raises(ValueError, match=message) as caught:
        read_exit_rule(tmp_path)
    assert str(tmp_path / "exits.json") in str(caught.value)
    assert "fit it again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_digit_that_changed_is_seen(tmp_path):
    write_exit_rule(tmp_path, RULE)
    file = tmp_path / "exits.json"
    file.write_text(file.read_text().replace("0.875", "0.475"))
    with pytest.raises(ValueError, match="has changed since it was written"):
        read_exit_rule(tmp_path)
