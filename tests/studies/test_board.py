"""What a person sees while a study runs."""

import io
import json
import threading
from pathlib import Path

import pytest
from rich.console import Console

from selfdistill.runs import RunDirectory
from selfdistill.studies import grid
from selfdistill.studies.board import Board
from selfdistill.studies.layout import StudyLayout
from selfdistill.studies.result import RunResult

CELLS = {"CE": {"method": "CrossEntropy"}, "SKDSAM": {"method": "SKDSAM"}}


def summary(folder, accuracy):
    folder.mkdir(parents=True, exist_ok=True)
    scores = {"last": {"network": {"accuracy": accuracy}}}
    (folder / "summary.json").write_text(json.dumps({"test": None, "validation": scores}))
    return folder


@pytest.fixture
def board(tmp_path):
    study = grid.from_plain({"config": "digits", "seeds": 6, "cells": CELLS}, "trial")
    layout = StudyLayout(study, tmp_path, None, [])
    finished = {layout.runs[0]: summary(tmp_path / "trial" / "CE" / "seed0", 61.24)}
    console = Console(
        file=io.StringIO(), width=80, height=20, force_terminal=True, color_system=None
    )
    return Board(layout, finished, console, lambda line: None)


def shown(board):
    with board.console.capture() as capture:
        board.console.print(board.grid())
    return [line.split() for line in capture.get().splitlines() if line.strip()]


def log(board, run, epochs):
    directory = RunDirectory(run.directory)
    directory.path.mkdir(parents=True, exist_ok=True)
    directory.write_recipe({"format": 1, "method": {}, "epochs": 40}, {})
    for epoch in range(1, epochs + 1):
        line = {"epoch": epoch}
        directory.append_log(line | ({"validation_accuracy": 50.0 + epoch} if epoch < 5 else {}))


def test_the_grid_tells_the_state_of_every_run(board):
    runs = board.layout.runs
    log(board, runs[1], 5)  # from an earlier call
    log(board, runs[2], 5)
    with RunDirectory(runs[2].directory).lock():
        board.end(runs[3], RunResult(3, None, "the time is up", 1.0, 143))
        board.end(runs[4], RunResult(4, None, "no such file", 1.0, 4))
        table = "\n".join(" ".join(words) for words in shown(board))
    assert "61.24 ✓" in table
    assert "(5/40 54.0)" in table
    assert " 5/40 54.0" in table
    assert "failed" in table
    assert "·" in table


def test_a_narrow_terminal_gets_counts_and_a_low_one_the_rows_that_move(board):
    board.console = Console(file=io.StringIO(), width=40, height=20)
    assert shown(board)[0] == ["done", "now", "failed", "mean"]
    assert shown(board)[2] == ["CE", "1/6", "61.24"]
    board.console = Console(file=io.StringIO(), width=80, height=6)
    lines = shown(board)
    assert [words[0] for words in lines[2:]] == ["CE", "and"]


def test_lines_stand_where_no_terminal_is(board, tmp_path):
    lines = []
    plain = Board(board.layout, {}, None, lines.append)
    with plain:
        folder = summary(tmp_path / "done", 50.0)
        plain.end(board.layout.runs[0], RunResult(0, folder, "", 3.4, 0, ("odd",)))
        plain.end(board.layout.runs[1], RunResult(1, None, "no such file", 0.0, 4, ("odd",)))
    assert lines == [
        "warning: CE seed 0: odd",
        f"CE seed 0: 50.00 %, {Path(folder)} (3 s)",
        "SKDSAM seed 0: no such file",
    ]


def test_on_a_terminal_lines_stand_above_the_grid(board):
    with board:
        board.log("a line")
        folder = summary(board.layout.runs[0].directory, 50.0)
        board.end(board.layout.runs[0], RunResult(0, folder, "", 1.0, 0))
    text = board.console.file.getvalue()
    assert "a line" in text
    assert "seed 2" in text


def test_without_a_terminal_a_line_says_now_and_then_what_is_running(board, monkeypatch):
    monkeypatch.setattr("selfdistill.studies.board.SECONDS_BETWEEN_LINES", 0.01)
    runs, lines, told = board.layout.runs, list[str](), threading.Event()

    def tell(line):
        lines.append(line)
        told.set()

    plain = Board(board.layout, {}, None, tell)
    log(plain, runs[0], 3)
    with RunDirectory(runs[0].directory).lock(), plain:
        assert told.wait(10)
    assert lines[0] == "running: CE seed 0 3/40 53.0"
