"""Runs whose numbers stop being finite."""

import json

import pytest
import torch
from safetensors.torch import load_file
from spoiling import spoil_step
from test_state import build

from selfdistill.config import parse
from selfdistill.failures import NonFinite
from selfdistill.methods import SKDSAM, CrossEntropy
from selfdistill.testing import TinyBackbone
from selfdistill.training import train
from selfdistill.training.loop import check_finite
from selfdistill.training.state import TrainState


def checkpoints(path):
    return sorted(int(file.stem) for file in (path / "checkpoints").glob("*.pt"))


PARTS = 2


def spoiled(monkeypatch, words, path, step, fault):
    """A run that ends with code 6 because a step went wrong, and its report."""
    calls = step * PARTS if "--accumulation" in words else step
    with monkeypatch.context() as patched:
        spoil_step(patched, SKDSAM, calls, fault)
        with pytest.raises(NonFinite, match=rf"{fault} is not finite .*, step {step},") as caught:
            train(parse([*words, "--out", str(path)]))
    assert caught.value.exit_code == 6
    assert not (path / "model").exists()
    assert not (path / "summary.json").exists()
    return json.loads((path / "failure.json").read_text())


def log(path):
    file = path / "log.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


AVERAGED, IN_PARTS = ("--ema-decay", "0.9"), ("--accumulation", str(PARTS))
ADAM = ("--optimizer", "AdamW", "--optimizer.lr", "0.001")


@pytest.mark.parametrize(
    ("step", "fault", "more"),
    [
        *((1, "loss", ()), (5, "loss", ()), (9, "gradient", ())),
        *((1, "gradient", IN_PARTS), (5, "gradient", AVERAGED), (9, "loss", AVERAGED)),
        *((1, "loss", ADAM), (5, "gradient", ADAM)),
    ],
)
def test_the_run_ends_and_its_last_checkpoint_is_good(
    words, tmp_path, monkeypatch, step, fault, more
):
    words += ["--data.validation-per-class", "3", "--checkpoint-seconds", "0", *more]
    whole, path = tmp_path / "whole", tmp_path / "spoiled"
    report = spoiled(monkeypatch, words, path, step, fault)
    assert report["step"] == step
    assert report["epoch"] == (step + 2) // 3
    assert report["lr"] > 0
    assert ("nan" in report["terms"].values()) == (fault == "loss")
    assert checkpoints(path)[-1:] == ([step - 1] if step > 1 else [])
    for run in (whole, path):
        train(parse([*words, "--out", str(run)]))
    one, other = (load_file(run / "model/model.safetensors") for run in (whole, path))
    torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("fault", ["loss", "gradient"])
@pytest.mark.parametrize("step", [4, 5, 6])
def test_nothing_from_after_a_bad_step_is_kept(words, tmp_path, monkeypatch, step, fault):
    """Between two checkpoints the epoch's end notices it; what follows a bad step hides nothing."""
    words += ["--data.validation-per-class", "3", "--ema-decay", "0.9"]
    report = spoiled(monkeypatch, words, tmp_path, step, fault)
    assert (report["step"], report["epoch"]) == (step, 2)
    assert ("nan" in report["terms"].values()) == (fault == "loss")
    assert checkpoints(tmp_path) == []
    assert [line["epoch"] for line in log(tmp_path)] == [1]
    weights = load_file(tmp_path / "model-best-validation/model.safetensors")
    assert all(value.isfinite().all() for value in weights.values())


def test_an_error_that_a_bad_step_leads_to_does_not_hide_it(words, tmp_path, monkeypatch):
    spoil_step(monkeypatch, SKDSAM, 2, "gradient")
    forward = SKDSAM.forward

    def strict(self, images, labels):
        if not all(value.isfinite().all() for value in self.parameters()):
            raise RuntimeError("numbers between 0 and 1 only")
        return forward(self, images, labels)

    monkeypatch.setattr(SKDSAM, "forward", strict)
    with pytest.raises(NonFinite, match=r"gradient is not finite in epoch 1, step 2,"):
        train(parse([*words, "--out", str(tmp_path)]))
    assert (tmp_path / "failure.json").exists()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_the_first_bad_step_is_kept_on_the_device_until_it_is_asked_for(bad):
    faults = {2: bad, 3: torch.nan}

    class Faulty(CrossEntropy):
        def forward(self, images, labels):
            output = super().forward(images, labels)
            fault = faults.get(state.steps_done + 1, 0.0)
            return output._replace(terms={"labels": output.terms["labels"] + fault})

    state, batches = build(method=Faulty(TinyBackbone(num_classes=10)))
    epoch = batches.epoch(0)
    for _ in range(3):
        state.train_step(epoch)
    assert int(state.metrics.bad_step) == 2
    torch.testing.assert_close(
        float(state.metrics.bad_terms["labels"]), bad, equal_nan=True, rtol=0, atol=0
    )
    with pytest.raises(NonFinite, match=r"loss is not finite \(labels\) in epoch 1, step 2,"):
        check_finite(state)


def test_weights_that_overflow_are_not_kept():
    state, batches = build()
    state.train_step(batches.epoch(0))
    check_finite(state)
    with torch.no_grad():
        next(state.method.parameters()).fill_(torch.inf)
    with pytest.raises(NonFinite, match="weights are not finite in epoch 1, step 1,"):
        check_finite(state)


def test_what_is_no_number_is_never_best(words, tmp_path, monkeypatch):
    predict, looks = TrainState.predict, []

    def broken(self, images, splits, **options):
        predictions = predict(self, images, splits, **options)
        if images is splits.validation:
            looks.append(self.epoch)
            if len(looks) == 1:
                logits = predictions.exits["network"]
                logits.copy_(torch.nn.functional.one_hot(predictions.labels, logits.shape[1]))
                logits[0] = torch.nan
        return predictions

    monkeypatch.setattr(TrainState, "predict", broken)
    words += ["--data.validation-per-class", "3", "--epochs", "2", "--out", str(tmp_path)]
    train(parse(words))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[0]["validation_accuracy"] > 90
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["validation"]["best"]["epoch"] == 2
