"""Predictions as text, without a network."""

from pathlib import Path

from selfdistill.cli.predict import ClassifiedFile, as_table
from selfdistill.deployment import ClassProbability


def test_names_in_brackets_are_no_markup():
    exits = {
        "network": [ClassProbability("cat [bold]", 0.75), ClassProbability("[/dog] :smile:", 0.25)]
    }
    lines = as_table([ClassifiedFile(Path("[/old]/img[final].jpg"), exits)]).splitlines()
    assert lines[1].split() == ["[/old]/img[final].jpg", "cat", "[bold]", "75.0%"]
    assert lines[2].split() == ["[/dog]", ":smile:", "25.0%"]
