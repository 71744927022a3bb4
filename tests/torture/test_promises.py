"""The small tier: every promise, with a few attempts of every kind."""

from pathlib import Path

import pytest

from torture.__main__ import Worker
from torture.promises import tasks

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs fork and /proc")


@pytest.fixture(scope="session")
def worker(tmp_path_factory):
    """One process of each of pytest's own, that imports once."""
    worker = Worker(tmp_path_factory.mktemp("torture") / "worker", "small")
    yield worker
    worker.end()


@pytest.mark.parametrize("task", tasks(full=False))
def test_promise_holds(worker, task):
    result = worker.run(task)
    assert result["held"], "\n".join(result["failures"])
    assert result["attempts"] > 0
