"""A run that takes a second, for tests that look at it."""

import pytest

from selfdistill.config import parse
from selfdistill.training import train
from small_run import WORDS


@pytest.fixture
def words():
    return list(WORDS)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run with validation images, trained to its end; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    train(parse([*WORDS, "--data.validation-per-class", "3", "--out", str(path)]))
    return path
