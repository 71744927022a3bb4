"""Runs whose numbers stop being finite."""

import json

import pytest
import torch
from safetensors.torch import load_file
from spoiling import spoil_step
from test_trainee import build

from selfdistill.failures import NonFinite
from selfdistill.methods import SKDSAM
from selfdistill.training import parse, train
from selfdistill.training.finite import check_finite
from selfdistill.training.trainee import Trainee


def checkpoints(path):
    return sorted(int(file.stem) for file in (path / "checkpoints").glob("*.pt"))


@pytest.mark.parametrize(("step", "fault"), [(5, "loss"), (9, "gradient")])
def test_the_run_ends_and_its_last_checkpoint_is_good(
    finished, words, tmp_path, monkeypatch, step, fault
):
    words += ["--data.validation-per-class", "3", "--checkpoint-seconds", "0"]
    words += ["--out", str(tmp_path)]
    spoil_step(monkeypatch, SKDSAM, step, fault)
    with pytest.raises(NonFinite, match=rf"{fault} is not finite .*, step {step},") as caught:
        train(parse(words))
    assert caught.value.exit_code == 6
    report = json.loads((tmp_path / "failure.json").read_text())
    assert (report["step"], report["skipped"]) == (step, 1)
    assert report["epoch"] == (step + 2) // 3
    assert ("nan" in report["terms"].values()) == (fault == "loss")
    assert checkpoints(tmp_path)[-1] == step - 1
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "summary.json").exists()
    monkeypatch.undo()
    train(parse(words))
    one, other = (load_file(path / "model/model.safetensors") for path in (tmp_path, finished))
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_weights_that_overflow_are_not_kept():
    trainee, batches = build()
    trainee.train_step(batches.epoch(0))
    check_finite(trainee)
    with torch.no_grad():
        next(trainee.method.parameters()).fill_(torch.inf)
    with pytest.raises(NonFinite, match="weights are not finite in epoch 1, step 1,"):
        check_finite(trainee)


def test_what_is_no_number_is_never_best(words, tmp_path, monkeypatch):
    predict, looks = Trainee.predict, []

    def broken(self, images, splits):
        predictions = predict(self, images, splits)
        if images is splits.validation:
            looks.append(self.epoch)
            if len(looks) == 1:
                logits = predictions.exits["network"]
                logits.copy_(torch.nn.functional.one_hot(predictions.labels, logits.shape[1]))
                logits[0] = torch.nan
        return predictions

    monkeypatch.setattr(Trainee, "predict", broken)
    words += ["--data.validation-per-class", "3", "--epochs", "2", "--out", str(tmp_path)]
    train(parse(words))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[0]["validation_accuracy"] > 90
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["validation"]["best"]["epoch"] == 2
