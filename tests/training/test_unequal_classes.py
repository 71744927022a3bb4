"""Runs on classes of unequal size: resumed, in parts, refused, told."""

import json
import os
import signal

import pytest
import torch
from safetensors.torch import load_file

import selfdistill as sd
from painted import paint
from selfdistill.cli import main
from selfdistill.config import parse
from selfdistill.data import Batches, ImageSet, Pipeline, Preprocessing
from selfdistill.failures import Stopped
from selfdistill.testing import TinyBackbone
from selfdistill.testing.trial import taught
from selfdistill.training import engine, train
from selfdistill.training.state import TrainState

WORDS = [
    *("--config", "scratch", "--backbone", "small", "--backbone.width", "4"),
    *("--image-size", "32", "--epochs", "2", "--warmup-epochs", "0", "--batch-size", "13"),
    *("--precision", "fp32", "--threads", "1", "--accelerator", "cpu"),
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """After the division there are 20 red, 4 green and 2 blue pictures to train on."""
    folder = tmp_path_factory.mktemp("photos")
    for name, count in (("red", 28), ("green", 6), ("blue", 4)):
        for number in range(count):
            paint(folder, name, number, size=(32, 32))
    return folder


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SELFDISTILL_CACHE", str(tmp_path_factory.getbasetemp() / "balance"))


@pytest.mark.parametrize(
    "options", [["PSKD", "--balance", "sampling"], ["DLB", "--balance", "loss"]]
)
def test_a_stopped_run_goes_on_bit_for_bit(options, photos, tmp_path, monkeypatch):
    def stop(self, epoch, step=TrainState.train_step):
        step(self, epoch)
        if self.steps_done == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    words = ["--data", str(photos), "--method", *options, *WORDS, "--out"]
    whole = train(parse([*words, str(tmp_path / "whole")]))
    monkeypatch.setattr(TrainState, "train_step", stop)
    with pytest.raises(Stopped):
        train(parse([*words, str(tmp_path / "stopped")]))
    monkeypatch.undo()
    stopped = train(parse([*words, str(tmp_path / "stopped")]))
    one, other = (load_file(run / "model/model.safetensors") for run in (whole, stopped))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    recipe = json.loads((whole / "summary.json").read_text())["recipe"]
    assert recipe["balance"] == options[2]
    assert "balance_beta" not in recipe


def test_who_is_largest_and_smallest_is_said_unless_they_are_balanced(photos, tmp_path, capsys):
    words = ["train", "--data", str(photos), "--method", "CrossEntropy", *WORDS]
    assert main([*words, "--out", str(tmp_path / "plain")]) == 0
    said = capsys.readouterr().out
    assert "class 'red' has 20 training images, 'blue' 2: --balance loss or sampling" in said
    assert main([*words, "--balance", "loss", "--out", str(tmp_path / "balanced")]) == 0
    assert "training images" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--balance", "weights"], "--balance weights"),
        (["--balance-beta", "0.9"], "balance_beta=0.9 needs --balance loss or sampling"),
        (["--balance", "loss", "--balance-beta", "1"], "balance_beta=1.0 must lie within 0 to"),
    ],
)
def test_impossible_balances_are_refused_by_name(words, answer, photos, tmp_path, capsys):
    words = ["train", "--data", str(photos), *WORDS, *words, "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert answer in capsys.readouterr().err


OWN = """
import torch.nn.functional as F
import selfdistill as sd

class Hard(sd.Method):
    def forward(self, images, labels):
        z = self.backbone(images)
        return sd.Output({{"labels": {loss}}}, z)
"""


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        ("F.nll_loss(z.log_softmax(1), labels)", "it takes labels as class numbers alone"),
        ("F.cross_entropy(z, labels / labels.sum(1, keepdim=True))", "its loss does not depend on"),
        ("F.cross_entropy(z, labels)", ""),
    ],
)
def test_own_methods_that_know_nothing_of_weights(
    loss, reason, photos, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    name = f"own_{abs(hash(loss))}"
    (tmp_path / f"{name}.py").write_text(OWN.format(loss=loss))
    words = ["train", "--data", str(photos), "--method", f"{name}.Hard", *WORDS]
    code = main([*words, "--balance", "loss", "--out", "run"])
    said = capsys.readouterr().err
    assert code == (2 if reason else 0)
    if reason:
        assert f"Hard does not: {reason}" in said
        assert said.rstrip().endswith("choose --balance sampling")
        assert not (tmp_path / "run" / "log.jsonl").exists()


@pytest.mark.parametrize("method", [sd.CrossEntropy, sd.SKDSAM, taught])
def test_parts_of_a_weighted_batch_are_one_step(method):
    """Weights are those of the split: no part, and no process, scales them anew."""

    def step(*options):
        words = ["--config", "digits", "--method", "CrossEntropy", "--batch-size", "8"]
        ingredients = parse([*words, *options]).ingredients
        fabric = engine.build(torch.device("cpu"), "fp32")
        fabric.launch()
        torch.manual_seed(0)
        backbone = TinyBackbone(num_classes=3)
        for block in backbone.network.blocks:
            block[1] = torch.nn.Identity()
        built = method(backbone)
        for part in built.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eval()
        size = built.backbone.input_size
        pixels = torch.randint(0, 256, (24, *size), dtype=torch.uint8, generator=torch.Generator())
        train_set = ImageSet(pixels, torch.tensor([0] * 18 + [1] * 4 + [2] * 2), ("a", "b", "c"))
        preprocessing = Preprocessing(size[1:], (0.5,) * 3, (0.25,) * 3)
        batches = Batches(
            train_set, pipeline=Pipeline([], preprocessing), partner=built.partner, batch_size=8,
            seed=0, balance="loss",
        )  # fmt: skip
        state = TrainState(fabric, built, ingredients, steps=3, images=24)
        state.train_step(batches.epoch(0))
        return state

    whole, parts = step(), step("--accumulation", "4")
    for one, other in zip(whole.method.parameters(), parts.method.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert whole.metrics.sums.keys() == parts.metrics.sums.keys()
    for name, value in whole.metrics.sums.items():
        torch.testing.assert_close(parts.metrics.sums[name], value, rtol=1e-4, atol=1e-4)
