"""A run from its settings to its directory, and again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from selfdistill.backbones import load_backbone
from selfdistill.config import parse
from selfdistill.data import Splits
from selfdistill.failures import Locked, NonFinite, Stopped, UnusableCheckpoint
from selfdistill.inspection import evaluate
from selfdistill.training import train

TIMING = ("seconds", "images_per_second")


def weights(path):
    return load_file(path / "model" / "model.safetensors")


def log(path):
    lines = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMING} for line in lines]


def same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


def test_what_a_run_leaves_behind(finished):
    summary = json.loads((finished / "summary.json").read_text())
    assert (finished / "summary.json").stat().st_size < 20_000
    assert summary["validation"]["last"].keys() == {"network", "exit1", "exit2", "fusion"}
    assert summary["test"] is None
    assert summary["cost"]["training_parameters"] > summary["cost"]["parameters"]
    assert summary["cost"]["macs_per_exit"]["network"] > 1e5
    recipe = yaml.safe_load((finished / "recipe.yaml").read_text())
    assert recipe["method"]["init_args"]["temperature"] == 3.0
    assert recipe["precision"] == "fp32"
    lines = log(finished)
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    for line in lines:
        assert line["loss"] == pytest.approx(sum(line["terms"].values()))
        assert sum(line["attention"]) == pytest.approx(1)
    assert lines[0]["lr"] == pytest.approx(0.025)
    assert lines[1]["lr"] == pytest.approx(0.05)
    assert not (finished / "predictions.npz").exists()


def test_the_deployed_network_is_the_plain_backbone(finished):
    backbone = load_backbone(finished)
    assert same(backbone.network.state_dict(), weights(finished))
    attachments = load_file(finished / "attachments" / "attachments.safetensors")
    assert {name.partition(".")[0] for name in attachments} == {"exits", "attention"}


def test_scores_are_those_of_the_weights_on_disk(finished):
    again = evaluate(finished, split="validation").exits
    summary = json.loads((finished / "summary.json").read_text())
    for name, scores in summary["validation"]["last"].items():
        assert again[name] == pytest.approx(scores, abs=1e-4)


def test_a_finished_run_is_left_alone(finished, words, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.safetensors")}
    train(parse([*words, "--data.validation-per-class", "3", "--out", str(finished)]))
    assert "finished already" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*.safetensors")}


def test_its_recipe_repeats_a_run_and_another_seed_does_not(finished, tmp_path):
    recipe = str(finished / "recipe.yaml")
    train(parse(["--config", recipe, "--threads", "1", "--out", str(tmp_path / "again")]))
    assert same(weights(tmp_path / "again"), weights(finished))
    assert log(tmp_path / "again") == log(finished)
    words = ["--config", recipe, "--threads", "1", "--seed", "1", "--out", str(tmp_path / "other")]
    train(parse(words))
    assert not same(weights(tmp_path / "other"), weights(finished))


def test_another_recipe_in_the_same_place_is_refused(finished, words):
    words = [*words, "--data.validation-per-class", "3", "--out", str(finished)]
    with pytest.raises(ValueError, match=r"method.init_args.temperature: 3.0 there, 4.0 now"):
        train(parse([*words, "--method.temperature", "4"]))
    with pytest.raises(ValueError, match=r"\(method.class_path: SKDSAM there, BYOT now\)"):
        train(parse([*words, "--method", "BYOT"]))


def test_the_test_images_are_read_once_where_nothing_is_set_aside(words, tmp_path):
    train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["validation"] is None
    assert summary["test"]["read_by"] == "train"
    stored = np.load(tmp_path / "predictions.npz")
    assert stored["network"].dtype == np.float32
    assert stored["exit1"].dtype == np.float16
    hits = stored["network"].argmax(1) == stored["labels"]
    assert summary["test"]["last"]["network"]["accuracy"] == pytest.approx(100 * hits.mean())


def test_the_first_look_at_test_images_is_recorded(words, tmp_path):
    words = [*words, "--epochs", "2", "--data.validation-per-class", "3", "--out", str(tmp_path)]
    train(parse(words))
    found = evaluate(tmp_path, split="test")
    summary = json.loads((tmp_path / "summary.json").read_text())
    scores = ("images", "precision", "recall", "f1")
    columns = {name: [of[name] for of in found.classes.values()] for name in scores}
    assert summary["test"] == {"last": found.exits, "classes": columns, "read_by": "evaluate"}


def test_the_best_model_is_of_the_first_epoch_of_the_best_accuracy(words, tmp_path, monkeypatch):
    from selfdistill.training import loop
    from selfdistill.training.state import TrainState

    accuracies, predict, networks = [10.0, 30.0, 30.0, 20.0], TrainState.predict, []

    def noting(self, images, splits, **options):
        if images is splits.validation:
            network = self.evaluated.backbone.network
            networks.append({name: value.clone() for name, value in network.state_dict().items()})
        return predict(self, images, splits, **options)

    monkeypatch.setattr(TrainState, "predict", noting)
    monkeypatch.setattr(loop, "_accuracy", lambda predictions: accuracies[len(networks) - 1])
    words += ["--epochs", "4", "--data.validation-per-class", "3", "--out", str(tmp_path)]
    train(parse(words))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["validation"]["best"] == {"accuracy": 30.0, "epoch": 2}
    best = load_file(tmp_path / "model-best-validation" / "model.safetensors")
    assert same(best, networks[1])
    described = json.loads((tmp_path / "model-best-validation" / "config.json").read_text())
    assert described["origin"]["epoch"] == 2
    assert not same(best, networks[2])


def test_every_so_many_epochs_and_the_last_are_validated(words, tmp_path):
    words += ["--validate-every", "2", "--data.validation-per-class", "3"]
    train(parse([*words, "--out", str(tmp_path)]))
    lines = log(tmp_path)
    assert [line["epoch"] for line in lines if "validation_accuracy" in line] == [2, 3]


def test_every_step_is_shown(words, tmp_path, monkeypatch):
    from selfdistill.training.reporter import Reporter

    steps = []
    monkeypatch.setattr(Reporter, "step", lambda reporter, done: steps.append(done))
    train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))
    assert steps == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("after", [1, 3, 4, 6])
def test_a_stopped_run_goes_on_exactly(finished, words, tmp_path, after, monkeypatch):
    from selfdistill.training.state import TrainState

    step, words = TrainState.train_step, [*words, "--data.validation-per-class", "3"]

    def interrupted(self, epoch):
        step(self, epoch)
        if self.steps_done == after:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(TrainState, "train_step", interrupted)
    with pytest.raises(Stopped) as caught:
        train(parse([*words, "--out", str(tmp_path)]))
    assert caught.value.exit_code == 143
    monkeypatch.undo()
    train(parse([*words, "--out", str(tmp_path)]))
    assert same(weights(tmp_path), weights(finished))
    assert log(tmp_path) == log(finished)


def test_a_signal_after_the_last_step_lets_the_run_finish(words, tmp_path, monkeypatch):
    from selfdistill import signals
    from selfdistill.training.state import TrainState

    predict, sent = TrainState.predict, []

    def interrupted(self, images, splits, **options):
        if self.steps_done == 2 * self.steps and not sent:
            sent.append(True)
            os.kill(os.getpid(), signal.SIGTERM)
        return predict(self, images, splits, **options)

    monkeypatch.setattr(TrainState, "predict", interrupted)
    monkeypatch.setattr(signals, "GRACE_SECONDS", 100.0)
    (tmp_path / ".new-abcdefgh").write_bytes(b"what a killed process left")
    train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))
    assert sent
    assert (tmp_path / "summary.json").exists()
    assert not (tmp_path / ".new-abcdefgh").exists()


def test_a_checkpoint_of_another_shape_is_refused_by_name(finished, words, tmp_path, monkeypatch):
    from selfdistill.training.state import TrainState

    def stop(self, epoch):
        raise KeyboardInterrupt

    words = [*words, "--backbone.width", "4", "--out", str(tmp_path)]
    monkeypatch.setattr(TrainState, "train_step", stop)
    with pytest.raises(KeyboardInterrupt):
        train(parse(words))
    shutil.copytree(finished / "checkpoints", tmp_path / "checkpoints", dirs_exist_ok=True)
    shape = r"group1.0.weight: 8×24×3×3 there, 4×24×3×3 now; .* and \d+ more\)"
    with pytest.raises(UnusableCheckpoint, match=shape) as caught:
        train(parse(words))
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_optimizer_is_refused(finished, words, tmp_path, monkeypatch):
    from selfdistill.training import checkpoint

    shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("summary.json"))
    load = checkpoint.load_latest

    def without_a_group(folder, *, device):
        state = load(folder, device=device)
        return state | {"optimizer": state["optimizer"] | {"param_groups": []}}

    monkeypatch.setattr(checkpoint, "load_latest", without_a_group)
    words = [*words, "--data.validation-per-class", "3", "--out", str(tmp_path / "run")]
    with pytest.raises(UnusableCheckpoint, match="different number of parameter groups"):
        train(parse(words))


def test_a_loss_that_is_not_finite_ends_the_run(words, tmp_path):
    with pytest.raises(NonFinite, match="not finite") as caught:
        train(parse([*words, "--optimizer.lr", "1e9", "--out", str(tmp_path)]))
    assert caught.value.exit_code == 6
    assert not (tmp_path / "summary.json").exists()


def test_a_second_process_is_refused_at_once(words, tmp_path):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\nfrom pathlib import Path\n"
            "from selfdistill.runs import RunDirectory\n"
            "lock = RunDirectory(Path(sys.argv[1])).lock()\nprint('held', flush=True)\n"
            "time.sleep(600)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Locked, match=f"process {holder.pid} ") as caught:
        train(parse([*words, "--out", str(tmp_path)]))
    assert holder.poll() is None  # refused, not waited for
    assert caught.value.exit_code == 5
    holder.kill()
    holder.wait()
    holder.stdout.close()
    train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))


def test_changed_images_are_refused(words, tmp_path, monkeypatch):
    from selfdistill.training.state import TrainState

    def stop(self, epoch):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainState, "train_step", stop)
    with pytest.raises(KeyboardInterrupt):
        train(parse([*words, "--out", str(tmp_path)]))
    monkeypatch.undo()
    recipe = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "split": "0" * 64}))
    with pytest.raises(ValueError, match=r"images .* have changed"):
        train(parse([*words, "--out", str(tmp_path)]))


def test_a_legacy_recipe_keeps_its_test_curve_apart(words, tmp_path):
    train(parse([*words, "--legacy-test-curve", "--epochs", "2", "--out", str(tmp_path)]))
    curve = (tmp_path / "test_curve.jsonl").read_text().splitlines()
    assert [json.loads(line).keys() for line in curve] == [{"epoch", "test_accuracy"}] * 2
    assert "test" not in (tmp_path / "log.jsonl").read_text()


def test_outside_the_main_thread_signals_are_left_alone(words, tmp_path):
    errors = []

    def work():
        try:
            train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors
    assert (tmp_path / "summary.json").exists()


def test_images_are_hashed_once_at_each_start(words, tmp_path, monkeypatch):
    hashed = []
    digest = Splits.digest
    monkeypatch.setattr(Splits, "digest", lambda splits: hashed.append(1) or digest(splits))
    command = [*words, "--out", str(tmp_path / "run")]
    path = train(parse(command))
    assert len(hashed) == 1
    stored = yaml.safe_load((path / "recipe.yaml").read_text())["split"]
    (path / "summary.json").unlink()
    train(parse(command))
    assert len(hashed) == 2
    assert yaml.safe_load((path / "recipe.yaml").read_text())["split"] == stored
