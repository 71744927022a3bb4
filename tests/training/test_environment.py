"""What a run took, not what the process took before."""

import json
import resource

import pytest
import torch

from selfdistill.config import parse
from selfdistill.training import environment, train

CPU = torch.device("cpu")
MEBIBYTE = 2**20


def can_forget():
    try:
        (environment.PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not can_forget(), reason="this system does not forget a process's peak")
def test_a_small_run_after_much_memory_was_used(words, tmp_path):
    assert torch.ones(300, MEBIBYTE // 4).sum() > 0
    before = environment.peak_memory(CPU)
    train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert 100 * MEBIBYTE < summary["cost"]["peak_memory_bytes"] < before - 100 * MEBIBYTE


def test_what_comes_after_forgetting_counts():
    environment.forget_peak_memory(CPU)
    before = environment.peak_memory(CPU)
    assert torch.ones(300, MEBIBYTE // 4).sum() > 0
    assert environment.peak_memory(CPU) > before + 200 * MEBIBYTE or not can_forget()


def test_where_the_system_does_not_say(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "PROCESS", tmp_path)
    environment.forget_peak_memory(CPU)
    most = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert environment.peak_memory(CPU) == pytest.approx(most, rel=0.01)
