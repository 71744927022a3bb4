"""Small networks, batches and a small run that the tests share."""

import gc
import signal

import jaxtyping
import pytest
import torch

from selfdistill.config import parse
from selfdistill.testing import TinyBackbone
from selfdistill.training import train
from small_run import WORDS

torch.set_num_threads(1)


def pytest_configure():
    """Take signals as a terminal's: shells let what they start in the background ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


LONG = {"test_processes", "test_pair", "test_runner", "test_promises", "test_step", "test_export"}
LONG |= {"test_trackers", "test_benchmarks", "test_early_exits", "test_from_options", "test_engine"}
"""Files that take longest: first, so that no worker is left with one at the end."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in LONG)


def pytest_collection_finish(session):
    """Spare every later collection of garbage all that was imported; each run asks for one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def backbone():
    return TinyBackbone()


@pytest.fixture
def batch():
    return torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2, 3, 4, 0])


@pytest.fixture
def unchecked(monkeypatch):
    """Calls as users make them: no argument's type is checked but by the code itself."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def words():
    return list(WORDS)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run with validation images, trained to its end; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    train(parse([*WORDS, "--data.validation-per-class", "3", "--out", str(path)]))
    return path
