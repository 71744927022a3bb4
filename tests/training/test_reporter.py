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
