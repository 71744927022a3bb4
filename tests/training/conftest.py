"""Runs that take a second: few digits, a narrow network."""

import pytest

from selfdistill import signals
from selfdistill.config import parse
from selfdistill.training import train
from small_run import WORDS


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """A step of a test may take long on a busy machine: no signal ends the test itself."""
    monkeypatch.setattr(signals, "GRACE_SECONDS", 300.0)


@pytest.fixture
def words():
    return list(WORDS)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run with validation images, trained to its end; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    train(parse([*WORDS, "--data.validation-per-class", "3", "--out", str(path)]))
    return path
