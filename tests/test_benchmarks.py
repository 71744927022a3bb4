"""Scripts that measure run as they are called."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import cpu, decode, early, gpu, infer, loop, memory, pipeline, start, step  # noqa: E402


def script(path):
    sys.path.insert(0, str(path.parent))
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


def rows(path):
    return json.loads(path.read_text())["rows"]


def test_step(tmp_path, capsys):
    words = ["--backbone", "small", "--batch", "2", "--rounds", "1", "--methods", "SKDSAM"]
    step.main([*words, "--out", str(tmp_path / "step.json")])
    assert "× CrossEntropy" in capsys.readouterr().out
    assert [row["name"] for row in rows(tmp_path / "step.json")][:2] == ["CrossEntropy", "SKDSAM"]


def test_pipeline_loop_and_inference_agree_on_what_a_row_says(tmp_path):
    words = ["--rounds", "1", "--out", str(tmp_path / "a.json")]
    found = pipeline.main([*words, "--repeats", "1", "--images", "200"])
    found += loop.main([*words, "--backbone", "small", "--batch", "4"])
    found += infer.main([*words, "--backbone", "small", "--images", "10"])
    assert len(found) == 8
    assert all(row["ratio_range"][0] <= row["ratio"] <= row["ratio_range"][1] for row in found)
    assert {"torch", "processor", "threads", "load"} <= json.loads(
        (tmp_path / "a.json").read_text()
    )["machine"].keys()


def test_all_benchmarks_of_a_processor_make_the_page_of_their_tables(tmp_path, monkeypatch):
    few = {
        start: ["--rounds", "1"],
        pipeline: ["--rounds", "9", "--images", "1000"],
        loop: ["--rounds", "9", "--backbone", "small"],
        infer: ["--rounds", "1", "--backbone", "small", "--images", "10"],
        decode: ["--rounds", "1", "--size", "32"],
        step: ["--rounds", "1", "--backbone", "small", "--batch", "2", "--methods", "SKDSAM"],
        memory: ["--backbone", "small", "--batch", "2", "--methods", "SKDSAM"],
    }
    monkeypatch.setattr(
        decode, "make_pictures", lambda place, make=decode.make_pictures: make(place, 8)
    )
    monkeypatch.setattr(start, "COMMANDS", {"selfdistill --help": ("--help",)})
    monkeypatch.setattr(memory, "peak_of_process", lambda *of: max(1, memory.peak(*of)))
    for part, words in few.items():
        main = part.main
        monkeypatch.setattr(part, "main", lambda out, main=main, words=words: main([*words, *out]))
    cpu.main(["--out", str(tmp_path / "here")])
    ratios = {
        row["name"]: row["ratio"]
        for name in ("pipeline", "loop")
        for row in rows(tmp_path / "here" / f"{name}.json")
    }
    # several times what they are on a machine without other work
    assert ratios["training loop"] < 1.5
    assert ratios["crop, flip"] < 6
    assert ratios["crop, flip, cutout"] < 9
    generate = script(ROOT / "docs" / "generate_performance.py")
    assert generate.written(generate.PAGE.read_text()) == generate.PAGE.read_text()
    monkeypatch.setattr(generate, "MEASURED", tmp_path)
    page = generate.written(generate.PAGE.read_text())
    assert all(f"| {name} |" in page for name in ratios)
    assert "| SKDSAM |" in page


def test_early_exits(tmp_path):
    words = ["--backbones", "small", "--images", "4", "--rounds", "1"]
    found = early.main([*words, "--out", str(tmp_path / "early.json")])
    assert [(row["name"], row["batch"]) for row in found] == [
        *(("network", 1), ("early", 1), ("network", 32), ("early", 32))
    ]
    assert rows(tmp_path / "early.json") == found
    assert all(0 < row["macs_share"] < 1.2 for row in found)


def test_the_table_of_early_exits_is_current():
    generate = script(ROOT / "docs" / "generate_early_exits.py")
    text = generate.PAGE.read_text()
    assert generate.page(text) == text
    assert generate.table(rows(generate.MEASURED)).count("\n") == 5


def test_a_visit_to_a_gpu_is_rehearsed(tmp_path):
    gpu.main(["first", "--seconds", "60", "--tiny", "--out", str(tmp_path)])
    first = rows(tmp_path / "first.json")
    assert {row["method"] for row in first} == {"CrossEntropy", "SKDSAM"}
    assert all(row.get("failed") is None and row["images_per_second"] > 0 for row in first)
    gpu.main(["second", "--seconds", "120", "--tiny", "--out", str(tmp_path)])
    second = rows(tmp_path / "second.json")
    assert [row["epochs"] for row in second] == [2, 2]
    assert all("test_accuracy" in row for row in second)
    assert (tmp_path / "kept" / "SKDSAM-s0.summary.json").exists()


def test_a_visit_ends_before_its_time_is_up(tmp_path):
    gpu.main(["first", "--seconds", "1", "--tiny", "--out", str(tmp_path)])
    assert rows(tmp_path / "first.json") == []


def test_step_times_of_the_methods_page(monkeypatch):
    generate = script(ROOT / "docs" / "generate_methods.py")
    monkeypatch.setattr(generate.build, "__defaults__", ("small", None))
    kinds = {kind.__name__: kind for kind in generate.METHODS}
    ratios, _ = generate.step_times(kinds, rounds=1, count=2)
    assert ratios["CrossEntropy"] == 1
    assert all(ratio > 0 for ratio in ratios.values())
