"""What a person sees of a run on a terminal."""

import io

from rich.console import Console

from selfdistill.training.reporter import Reporter


def test_terms_in_brackets_are_no_markup():
    reporter = Reporter(epochs=2, steps=3, enabled=True, label="Own seed 0")
    reporter.console = Console(
        file=io.StringIO(), force_terminal=True, force_interactive=True, width=200
    )
    line = {"epoch": 1, "loss": 1.0, "train_accuracy": 50.0, "images_per_second": 9.0}
    with reporter:
        reporter.epoch(line | {"terms": {"kl[bold]": 0.5, "[/old]": 0.5}})
    assert "kl[bold] 0.500 [/old] 0.500" in reporter.console.file.getvalue()


def test_without_a_terminal_a_line_now_and_then_says_how_long_it_takes(monkeypatch, capsys):
    clock = 0.0
    monkeypatch.setattr("selfdistill.training.reporter.time.monotonic", lambda: clock)
    reporter = Reporter(epochs=2, steps=100, enabled=True, label="SKDSAM seed 0")
    with reporter:
        for done in range(21, 101):  # 20 were done before
            clock += 1.0
            reporter.step(done)
        reporter.epoch(
            {
                "epoch": 1,
                "loss": 1.0,
                "terms": {"labels": 0.7, "hint": 0.3},
                "train_accuracy": 50.0,
                "validation_accuracy": 40.0,
                "images_per_second": 9.0,
                "seconds": 100.0,
            }
        )
        clock += 29
        reporter.step(101)
    assert capsys.readouterr().out.splitlines() == [
        "SKDSAM seed 0  epoch 1/2  step 51/100  0:02:29 left",
        "SKDSAM seed 0  epoch 1/2  step 81/100  0:01:59 left",
        "SKDSAM seed 0  epoch 1/2  validation 40.0 %  train 50.0 %  0:01:40 left  9 images/s  "
        "loss 1.000  labels 0.700 hint 0.300",
    ]
