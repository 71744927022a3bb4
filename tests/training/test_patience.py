"""Which epoch counts as the best, and an end before the last epoch where none has been better."""

import json
import os
import signal

import pytest

from selfdistill.cli import main
from selfdistill.config import parse
from selfdistill.failures import Stopped
from selfdistill.training import train
from selfdistill.training.state import TrainState

WORDS = [
    *("--config", "digits", "--method", "CrossEntropy", "--backbone.width", "8"),
    *("--warmup-epochs", "0", "--batch-size", "16", "--precision", "fp32", "--threads", "1"),
    *("--data.train-per-class", "5", "--data.test-per-class", "4", "--optimizer.lr", "0.1"),
]
VALIDATION = ["--data.validation-per-class", "3"]
PATIENT = [*WORDS, *VALIDATION, "--epochs", "40", "--patience", "2"]


def summary(run):
    return json.loads((run / "summary.json").read_text())


def since(accuracies):
    """The first epoch of the best accuracy."""
    return 1 + accuracies.index(max(accuracies))


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    return train(parse([*PATIENT, "--out", str(tmp_path_factory.mktemp("runs") / "patient")]))


def test_it_stops_where_validation_has_been_no_better_for_so_long(patient):
    found = summary(patient)
    accuracies, best = found["curve"]["validation_accuracy"], found["validation"]["best"]
    assert found["stopped_early"] == len(accuracies) < 40
    assert best["epoch"] == since(accuracies) == len(accuracies) - 2
    ends = [end for end in range(1, 41) if end - since(accuracies[:end]) >= 2]
    assert ends[0] == found["stopped_early"]
    origin = json.loads((patient / "model" / "config.json").read_text())
    assert str(found["stopped_early"]) in json.dumps(origin)
    assert found["test"] is None


def test_a_longer_patience_is_the_same_run_for_longer(patient, tmp_path):
    words = [*PATIENT, "--patience", "5", "--out", str(tmp_path)]
    short, long = (
        summary(p)["curve"]["validation_accuracy"] for p in (patient, train(parse(words)))
    )
    assert long[: len(short)] == short
    assert len(long) >= len(short) + 3


@pytest.mark.parametrize("steps_left", [1, 3])
def test_a_resumed_run_stops_at_the_same_epoch(steps_left, patient, tmp_path, monkeypatch):
    last = 3 * summary(patient)["stopped_early"]  # steps: an epoch has three

    def stop(self, epoch, step=TrainState.train_step):
        step(self, epoch)
        if self.steps_done == last - steps_left:
            os.kill(os.getpid(), signal.SIGTERM)

    words = [*PATIENT, "--out", str(tmp_path)]
    monkeypatch.setattr(TrainState, "train_step", stop)
    with pytest.raises(Stopped):
        train(parse(words))
    monkeypatch.undo()
    resumed, whole = summary(train(parse(words))), summary(patient)
    for name in ("stopped_early", "weights", "validation"):
        assert resumed[name] == whole[name]


def test_a_run_that_stopped_is_finished(patient, capsys):
    assert main(["train", *PATIENT, "--out", str(patient)]) == 0
    assert "is finished already" in capsys.readouterr().out
    (patient / "model" / "model.safetensors").unlink()
    assert main(["train", *PATIENT, "--out", str(patient)]) == 0
    said = capsys.readouterr().out
    assert "written again from the last checkpoint" in said
    assert "epoch 1/" not in said
    assert (patient / "model" / "model.safetensors").exists()


def test_it_says_why(tmp_path, capsys):
    words = [*WORDS, *VALIDATION, "--epochs", "40", "--patience", "1", "--validate-every", "2"]
    assert (
        main(["train", *words, "--select", "nll", "--optimizer.lr", "0.5", "--out", str(tmp_path)])
        == 0
    )
    found, said = summary(tmp_path), capsys.readouterr().out
    end, best = found["stopped_early"], found["validation"]["best"]["epoch"]
    assert (end - best, end % 2) == (2, 0)  # it looks at every other epoch alone
    assert (
        f"stopped after {end} of 40 epochs: the validation images' nll has been no better" in said
    )
    assert f"since epoch {best}; model holds the last epoch" in said


@pytest.mark.parametrize(("select", "name"), [("nll", "nll"), ("macro", "macro_accuracy")])
def test_the_best_epoch_is_the_first_by_the_score_that_is_selected(select, name, tmp_path):
    words = [*WORDS, *VALIDATION, "--epochs", "6", "--select", select, "--out", str(tmp_path)]
    found = summary(train(parse(words)))
    scores, best = found["curve"][f"validation_{name}"], found["validation"]["best"]
    wanted = min(scores) if select == "nll" else max(scores)
    assert best["epoch"] == 1 + scores.index(wanted)
    assert best[name] == pytest.approx(wanted, rel=1e-3)
    curve = found["curve"]["validation_accuracy"]
    assert round(best["accuracy"], 2) == curve[best["epoch"] - 1]
    assert found["stopped_early"] is None
    assert found["recipe"]["select"] == select


def test_a_finished_run_is_not_prolonged_and_says_what_to_do(patient, tmp_path, capsys):
    words = ["train", *PATIENT, "--epochs", "41"]
    assert main([*words, "--out", str(patient)]) == 2
    said = capsys.readouterr().err
    assert "has been trained for the 40 epochs that its schedule was made for" in said
    assert f"by a new schedule of 41 epochs, choose another --out with --init {patient}" in said
    assert main([*words, "--init", str(patient), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main([*words, "--batch-size", "8", "--out", str(patient)]) == 2
    assert "holds another run (" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--patience", "3"], "--patience 3 goes by validation images"),
        (["--select", "nll"], "--select nll goes by validation images"),
        (["--patience", "0", *VALIDATION], "patience=0 must be at least 1"),
        (["--select", "f1", *VALIDATION], "--select f1"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(words, answer, tmp_path, capsys):
    assert main(["train", *WORDS, "--epochs", "3", *words, "--out", str(tmp_path)]) == 2
    assert answer in capsys.readouterr().err
    assert not (tmp_path / "log.jsonl").exists()
