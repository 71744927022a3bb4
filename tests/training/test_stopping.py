"""Signals other than SIGTERM, and at other times than within a step."""

import json
import os
import signal

import pytest
import torch
from safetensors.torch import load_file

from selfdistill.failures import Stopped
from selfdistill.training import parse, train
from selfdistill.training.trainee import Trainee


def in_step(monkeypatch, number):
    step = Trainee.train_step

    def interrupted(self, epoch):
        step(self, epoch)
        if self.steps_done == 2:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Trainee, "train_step", interrupted)


def in_validation(monkeypatch, number):
    predict = Trainee.predict

    def interrupted(self, images, splits):
        if images is splits.validation and self.epoch == 1:
            os.kill(os.getpid(), number)
        return predict(self, images, splits)

    monkeypatch.setattr(Trainee, "predict", interrupted)


@pytest.mark.parametrize(
    ("when", "number", "code"),
    [(in_step, "SIGINT", 130), (in_step, "SIGUSR1", 138), (in_validation, "SIGTERM", 143)],
)
def test_the_signal_is_the_exit_code_and_the_run_goes_on(
    finished, words, tmp_path, monkeypatch, when, number, code
):
    if not hasattr(signal, number):
        pytest.skip(f"no {number} here")
    words += ["--data.validation-per-class", "3", "--out", str(tmp_path)]
    when(monkeypatch, getattr(signal, number))
    with pytest.raises(Stopped, match=number) as caught:
        train(parse(words))
    assert caught.value.exit_code == code
    monkeypatch.undo()
    train(parse(words))
    one, other = (load_file(path / "model/model.safetensors") for path in (tmp_path, finished))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    losses = [
        [json.loads(line)["loss"] for line in (path / "log.jsonl").read_text().splitlines()]
        for path in (tmp_path, finished)
    ]
    assert losses[0] == losses[1]
