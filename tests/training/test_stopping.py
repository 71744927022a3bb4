"""Signals other than SIGTERM, and at other times than within a step."""

import json
import os
import signal
import sys

import pytest
import torch
from safetensors.torch import load_file

from selfdistill.config import parse
from selfdistill.evaluation import predict as predict_function
from selfdistill.failures import NoMemory, Stopped
from selfdistill.methods import SKDSAM
from selfdistill.training import train
from selfdistill.training.state import TrainState


def in_step(monkeypatch, number):
    step = TrainState.train_step

    def interrupted(self, epoch):
        step(self, epoch)
        if self.steps_done == 2:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(TrainState, "train_step", interrupted)


def in_validation(monkeypatch, number):
    predict = TrainState.predict

    def interrupted(self, images, splits, **options):
        if images is splits.validation and self.epoch == 1:
            os.kill(os.getpid(), number)
        return predict(self, images, splits, **options)

    monkeypatch.setattr(TrainState, "predict", interrupted)


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


def test_a_signal_within_an_evaluation_ends_it_between_batches(words, tmp_path, monkeypatch):
    inspected = []
    inspect = SKDSAM.inspect

    def signalled(self, images):
        if self.training:
            return inspect(self, images)
        inspected.append(len(images))
        os.kill(os.getpid(), signal.SIGTERM)
        return inspect(self, images)

    monkeypatch.setattr(sys.modules[predict_function.__module__], "MAX_BATCH_ON_CPU", (10, 2**20))
    monkeypatch.setattr(SKDSAM, "inspect", signalled)
    with pytest.raises(Stopped, match=f"saved in {tmp_path}"):
        train(parse([*words, "--out", str(tmp_path)]))
    assert sum(inspected) < 50  # of the training images whose attention is looked at


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            [],
            "with 16 at a time: --accumulation 2 computes 8 at a time, --batch-size 8 makes",
        ),
        (["--accumulation", "2"], "with 8 at a time: --accumulation 4 computes 4 at a time"),
        (["--accumulation", "16", "--batch-size", "16"], "with 1 at a time: --batch-size 8; or"),
    ],
)
def test_a_step_that_does_not_fit_says_what_would_take_less(
    words, tmp_path, monkeypatch, more, said
):
    def overflow(self, epoch):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(TrainState, "train_step", overflow)
    with pytest.raises(NoMemory, match=said) as caught:
        train(parse([*words, *more, "--out", str(tmp_path)]))
    assert str(caught.value).startswith("out of memory (2.00 GiB more were needed) with")
    assert caught.value.exit_code == 1
