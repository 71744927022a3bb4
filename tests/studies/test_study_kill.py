"""A study killed with all its processes, again and again, ends with the table of a whole one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
SCRIPT = Path(__file__).with_name("study_kill.py")
KILLS = 3


def test_a_killed_study_ends_with_the_same_table(tmp_path):
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(tmp_path), str(KILLS), "0"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert answer.returncode == 0, answer.stderr
    result = json.loads(answer.stdout)
    assert result["kills"] > 0  # fewer than asked for where the machine grew faster meanwhile
    assert sorted(result["whole"]) == ["CE-s0", "CE-s1", "pupil-s0", "pupil-s1"]
    assert result["killed"] == result["whole"]
