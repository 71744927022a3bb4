"""SIGKILL in the middle of an epoch and during saves: nothing is lost, nothing differs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
SCRIPT = Path(__file__).with_name("kill.py")
KILLS = 8


def test_killed_runs_end_like_the_uninterrupted_one(tmp_path):
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(tmp_path), str(KILLS), "0"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900)
    results = json.loads(answer.stdout)
    control = results.pop("control")
    assert results.keys() == {"CrossEntropy", "SKDSAM"}
    for result in results.values():
        assert result["kills"] >= KILLS
        assert result["digests"] == [result["whole"]]
    assert control["digests"] != [results["SKDSAM"]["whole"]]
