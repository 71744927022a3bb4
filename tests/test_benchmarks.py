"""Scripts that measure run as they are called."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


def script(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def threads():
    """What scripts set for themselves is put back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_step_cost(monkeypatch, capsys):
    words = ["step_cost", "--backbone", "small", "--batch", "2", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", words)
    script(ROOT / "benchmarks" / "step_cost.py").main()
    assert "× CrossEntropy" in capsys.readouterr().out


def test_data_pipeline(monkeypatch, capsys):
    measure = script(ROOT / "benchmarks" / "data_pipeline.py")
    monkeypatch.setattr(measure, "ROUNDS", 1)
    monkeypatch.setattr(measure, "STEPS", 1)
    measure.main()
    assert "crop, flip, cutout" in capsys.readouterr().out


def test_step_times_of_the_methods_page(monkeypatch):
    generate = script(ROOT / "docs" / "generate_methods.py")
    monkeypatch.setattr(generate.build, "__defaults__", ("small", None))
    kinds = {kind.__name__: kind for kind in generate.METHODS}
    ratios, _ = generate.step_times(kinds, rounds=1, count=2)
    assert ratios["CrossEntropy"] == 1
    assert all(ratio > 0 for ratio in ratios.values())
