"""Predictions as text, without a network."""

from pathlib import Path

from selfdistill.deployment.model import Guess
from selfdistill.deployment.predictions import _table


def test_names_in_brackets_are_no_markup():
    guesses = {"network": [Guess("cat [bold]", 0.75), Guess("[/dog] :smile:", 0.25)]}
    lines = _table([(Path("[/old]/img[final].jpg"), guesses)]).splitlines()
    assert lines[1].split() == ["[/old]/img[final].jpg", "cat", "[bold]", "75.0%"]
    assert lines[2].split() == ["[/dog]", ":smile:", "25.0%"]
