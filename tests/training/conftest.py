"""Runs that take a second: few digits, a narrow network."""

import pytest

from selfdistill.training import parse, train

WORDS = [
    *("--config", "digits", "--method", "SKDSAM", "--backbone.width", "8", "--epochs", "3"),
    *("--warmup-epochs", "1", "--batch-size", "16", "--precision", "fp32", "--threads", "1"),
    *("--data.train-per-class", "5", "--data.test-per-class", "4"),
]


@pytest.fixture
def words():
    return list(WORDS)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run with validation images, trained to its end; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    train(parse([*WORDS, "--data.validation-per-class", "3", "--out", str(path)]))
    return path
