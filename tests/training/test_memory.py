"""What a run took, not what the process took before."""

import json
import resource

import pytest
import torch

from selfdistill.config import parse
from selfdistill.training import memory, train

CPU = torch.device("cpu")
MEBIBYTE = 2**20


def can_forget():
    try:
        (memory.PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not can_forget(), reason="this system does not forget a process's peak")
def test_a_small_run_after_much_memory_was_used(words, tmp_path):
    assert torch.ones(300, MEBIBYTE // 4).sum() > 0
    before = memory.peak(CPU)
    train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert 100 * MEBIBYTE < summary["cost"]["peak_memory_bytes"] < before - 100 * MEBIBYTE


def test_what_comes_after_forgetting_counts():
    memory.forget_peak(CPU)
    before = memory.peak(CPU)
    assert torch.ones(300, MEBIBYTE // 4).sum() > 0
    assert memory.peak(CPU) > before + 200 * MEBIBYTE or not can_forget()


def test_where_the_system_does_not_say(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROCESS", tmp_path)
    memory.forget_peak(CPU)
    most = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert memory.peak(CPU) == pytest.approx(most, rel=0.01)
