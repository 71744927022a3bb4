"""A step of a test may take long on a busy machine: no signal ends the test itself."""

import pytest

from selfdistill import signals


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    monkeypatch.setattr(signals, "GRACE_SECONDS", 300.0)
