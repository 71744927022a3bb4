"""How far it is from the command line to a loss."""

import traceback
from pathlib import Path

import pytest

import selfdistill
from selfdistill import cli
from selfdistill.methods import cross_entropy
from small_run import WORDS

PACKAGE = str(Path(selfdistill.__file__).parent)
MAX_FRAMES = 8


class _Reached(BaseException):
    """Ends a run at its first loss, past whatever handles exceptions."""


def test_at_most_eight_frames_lead_from_the_command_line_to_the_first_loss(monkeypatch, tmp_path):
    frames = []

    def first_loss(*arguments, **options):
        frames.extend(f for f in traceback.extract_stack() if f.filename.startswith(PACKAGE))
        raise _Reached

    monkeypatch.setattr(cross_entropy, "cross_entropy", first_loss)
    with pytest.raises(_Reached):
        cli.main(["train", *WORDS, "--method", "CrossEntropy", "--out", str(tmp_path)])
    names = [frame.name for frame in frames]
    assert names[:4] == ["main", "train", "train", "train_epochs"]
    assert names[-1] == "forward"
    assert len(names) + 1 <= MAX_FRAMES, names  # and that of the loss
