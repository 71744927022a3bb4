"""Trackers follow a run through kills and failures, and change nothing in it."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import yaml

from selfdistill.config import parse
from selfdistill.failures import Stopped
from selfdistill.training import train
from selfdistill.training.state import TrainState
from selfdistill.training.trackers import known_names
from selfdistill.training.trackers.base import epoch_figures
from small_run import WORDS

ALL = ("tensorboard", "wandb", "mlflow")
WORDS = [*WORDS, "--data.validation-per-class", "3"]
KILLED = """
import os, signal, sys
from selfdistill.config import parse
from selfdistill.training import loop, train
from selfdistill.training.state import TrainState

step = TrainState.train_step

def killed(self, epoch):
    step(self, epoch)
    if self.steps_done == 7:
        os.kill(os.getpid(), signal.SIGKILL)

train(parse([*sys.argv[2:], "--epochs", "2", "--out", sys.argv[1] + "/untracked"]))
print([name for name in ("tensorboard", "wandb", "mlflow") if name in sys.modules], flush=True)
TrainState.train_step = killed
loop._Saver.due = lambda self: self.session.state.steps_done == 4
trackers = ["--logger", "tensorboard,wandb,mlflow"]
train(parse([*sys.argv[2:], *trackers, "--out", sys.argv[1] + "/killed"]))
"""
"""Trains without a tracker; then with all, until killed in the third epoch, with a checkpoint from
the second."""

pytestmark = pytest.mark.filterwarnings(
    "ignore:The ``noload`` loader strategy is deprecated", "ignore:Detected out of order event"
)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("WANDB_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "wandb-cache"))


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder with an untracked and a killed run, and what was printed."""
    install(*ALL, "sqlalchemy", "alembic")
    path = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(path), *WORDS]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "MLFLOW_"))}
    environment |= {"WANDB_CONFIG_DIR": str(path), "WANDB_CACHE_DIR": str(path)}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == -signal.SIGKILL, answer.stderr
    return path, answer.stdout


def words(path, *trackers):
    return [*WORDS, "--out", str(path), *(["--logger", ",".join(trackers)] if trackers else [])]


def log(path):
    """Each epoch's figures by name, from the run itself."""
    lines = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    return [(line["epoch"], epoch_figures(line)) for line in lines]


def tensorboard(path):
    """Each scalar's steps and values, as TensorBoard shows them."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(path / "tensorboard")).Reload()
    return {
        name: [(event.step, pytest.approx(event.value)) for event in accumulator.Scalars(name)]
        for name in accumulator.Tags()["scalars"]
    }


def mlflow(path):
    """The only run in the store, and each metric's steps and values."""
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("alembic")
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("selfdistill")
    (run,) = client.search_runs([experiment.experiment_id])
    histories = {
        name: [
            (metric.step, metric.value)
            for metric in client.get_metric_history(run.info.run_id, name)
        ]
        for name in run.data.metrics
    }
    return run, histories


def wandb(path):
    """The records of the only folder that is left, by kind, as W&B's own reader prints them."""
    pytest.importorskip("wandb")
    (file,) = path.glob("wandb/offline-run-*/*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    answer = subprocess.run(
        command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    records = {}
    for line in answer.stdout.splitlines():
        record = json.loads(line)
        records.setdefault(record["type"], []).append(record[record["type"]])
    return records


def install(*trackers):
    for name in trackers:
        pytest.importorskip(name)


def check_same_everywhere(path):
    """Every epoch of the log is in every tracker, once; what they hold."""
    epochs = log(path)
    shown, (run, histories), records = tensorboard(path), mlflow(path), wandb(path)
    for name in epochs[0][1]:
        history = [(epoch, figures[name]) for epoch, figures in epochs]
        assert shown[name] == history, name
        if name == "images_per_second":  # MLflow keeps that of the first process to get there
            assert [epoch for epoch, _ in histories[name]] == [epoch for epoch, _ in history]
        else:
            assert histories[name] == history, name
    rows = [row["item"] for row in records["history"]]
    assert [row["_step"] for row in rows] == [epoch for epoch, _ in epochs]
    for row, (_, figures) in zip(rows, epochs, strict=True):
        assert row | figures == row
    return shown, run, histories, records


@pytest.mark.slow
def test_a_killed_run_goes_on_in_every_tracker(finished, killed):
    path = killed[0] / "killed"
    assert [epoch for epoch, _ in log(path)] == [1, 2]
    before = json.loads((path / "trackers.json").read_text())
    train(parse(words(path, *ALL)))
    assert [epoch for epoch, _ in log(path)] == [1, 2, 3]
    assert weights(path) == weights(finished)
    shown, run, histories, records = check_same_everywhere(path)

    after = json.loads((path / "trackers.json").read_text())
    assert after == {**before, "complete": list(ALL)}
    assert run.info.status == "FINISHED"
    assert run.data.tags["selfdistill.id"] == before["identity"]
    assert run.data.params["method.temperature"] == "3.0"
    assert records["run"][0]["run_id"] == before["identity"]
    assert records["run"][0]["config"]["update"]["method.temperature"] == 3.0
    assert records["exit"][0]["exit_code"] == 0
    summary = json.loads((path / "summary.json").read_text())
    for name in ("network", "fusion"):
        figure = f"final/validation/last/{name}/accuracy"
        accuracy = summary["validation"]["last"][name]["accuracy"]
        assert shown[figure] == histories[figure] == [(3, pytest.approx(accuracy))]
        assert any(figure in part["update"] for part in records["summary"])


def weights(path):
    return (path / "model" / "model.safetensors").read_bytes()


def test_a_stopped_run_closes_its_trackers(tmp_path, monkeypatch):
    install("wandb", "mlflow", "sqlalchemy", "alembic")
    step = TrainState.train_step

    def interrupted(self, epoch):
        step(self, epoch)
        if self.steps_done == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(TrainState, "train_step", interrupted)
    with pytest.raises(Stopped):
        train(parse(words(tmp_path, "wandb", "mlflow")))
    run, histories = mlflow(tmp_path)
    assert run.info.status == "KILLED"
    assert [epoch for epoch, _ in histories["loss"]] == [1]
    records = wandb(tmp_path)
    assert [row["item"]["_step"] for row in records["history"]] == [1]
    assert records["exit"][0]["exit_code"] == 1


def test_a_tracker_asked_for_late_is_told_everything_once(finished, tmp_path, capsys):
    install("tensorboard")
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    for _ in range(2):
        train(parse(words(path, "tensorboard")))
        (events,) = (path / "tensorboard").iterdir()
    assert tensorboard(path)["loss"] == [(epoch, figures["loss"]) for epoch, figures in log(path)]
    assert capsys.readouterr().out.count("tensorboard --logdir") == 1
    train(parse([*words(path, "tensorboard"), "--overwrite", "--epochs", "2"]))
    assert not events.exists()
    assert [epoch for epoch, _ in tensorboard(path)["loss"]] == [1, 2]


def test_a_tracker_that_fails_is_left_and_brought_up_to_date_later(finished, tmp_path, monkeypatch):
    install("tensorboard")
    from torch.utils.tensorboard.writer import SummaryWriter

    add_scalar = SummaryWriter.add_scalar

    def gone(self, name, value, epoch, **further):
        if epoch == 2:
            raise ConnectionError("network is unreachable")
        add_scalar(self, name, value, epoch, **further)

    monkeypatch.setattr(SummaryWriter, "add_scalar", gone)
    with pytest.warns(UserWarning, match="ConnectionError: network is unreachable") as caught:
        train(parse(words(tmp_path, "tensorboard")))
    assert len(caught) == 1
    assert weights(tmp_path) == weights(finished)
    assert [epoch for epoch, _ in tensorboard(tmp_path)["loss"]] == [1]
    monkeypatch.undo()
    train(parse(words(tmp_path, "tensorboard")))
    assert [epoch for epoch, _ in tensorboard(tmp_path)["loss"]] == [1, 2, 3]


@pytest.mark.slow
def test_without_the_option_no_library_is_imported(killed):
    path, printed = killed
    assert printed.count("\n[]\n") == 1
    assert not (path / "untracked" / "trackers.json").exists()


def test_trackers_belong_to_the_place(tmp_path):
    install("tensorboard")
    assert (
        parse(words(tmp_path, "tensorboard")).recipe.values == parse(words(tmp_path)).recipe.values
    )
    train(parse([*words(tmp_path, "tensorboard"), "--epochs", "2"]))
    assert yaml.safe_load((tmp_path / "place.yaml").read_text())["logger"] == "tensorboard"
    assert "logger" not in (tmp_path / "recipe.yaml").read_text()


def test_what_is_not_there_is_said_before_training(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"--logger tensorbord: .* did you mean tensorboard\?"):
        train(parse(words(tmp_path / "run", "tensorbord")))
    monkeypatch.setattr("selfdistill.training.trackers.base.find_spec", lambda module: None)
    with pytest.raises(ValueError, match=r'^--logger wandb .* pip install "selfdistill\[wandb\]"$'):
        train(parse(words(tmp_path / "run", "wandb")))
    assert not (tmp_path / "run").exists()


def test_names_may_be_spaced_and_repeated():
    install("tensorboard", "wandb")
    assert known_names("wandb, TensorBoard,wandb") == ["wandb", "tensorboard"]
    assert known_names(None) == []


def test_wandb_goes_on_where_its_server_stands(tmp_path, monkeypatch):
    install("wandb")
    from selfdistill.training.trackers.base import TrackedRun
    from selfdistill.training.trackers.wandb import WeightsAndBiases

    monkeypatch.setenv("WANDB_MODE", "disabled")
    tracker = WeightsAndBiases(TrackedRun(tmp_path, "abc", "a run", {}))
    told = []
    monkeypatch.setattr(tracker._run, "_starting_step", 3)
    monkeypatch.setattr(tracker._run, "log", lambda values, step, commit: told.append(step))
    for epoch in range(1, 5):
        tracker.log(epoch, {"loss": 1.0}, 0.0)
    tracker.close("finished")
    assert told == [3, 4]
    assert not list(tmp_path.glob("wandb/offline-run-*"))
