"""Runs with damaged or missing files: named, written again, or refused; never something else."""

import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

import selfdistill as sd
from selfdistill.config import parse
from selfdistill.failures import Locked, NonFinite, Stopped, UnusableCheckpoint
from selfdistill.inspection import evaluate
from selfdistill.reports.page import write_report
from selfdistill.training import checkpoint, train
from selfdistill.training.state import TrainState

VALIDATION = ["--data.validation-per-class", "3"]
REBUILT = [
    "summary.json",
    "model/model.safetensors",
    "model/config.json",
    "attachments/attachments.safetensors",
    "log.jsonl",
]


def contents(run, names=REBUILT):
    return {name: (run / name).read_bytes() for name in names if (run / name).exists()}


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run."""
    return shutil.copytree(finished, tmp_path / "finished")


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory):
    """A run of three epochs that was stopped in its third."""
    from small_run import WORDS

    path, step = tmp_path_factory.mktemp("runs") / "stopped", TrainState.train_step

    def stop(self, epoch):
        if self.steps_done == 2 * self.steps + 1:
            raise KeyboardInterrupt
        step(self, epoch)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TrainState, "train_step", stop)
        with pytest.raises(KeyboardInterrupt):
            train(parse([*WORDS, *VALIDATION, "--checkpoint-seconds", "0", "--out", str(path)]))
    return path


@pytest.fixture
def unfinished(stopped_run, tmp_path):
    """A copy of an unfinished run."""
    return shutil.copytree(stopped_run, tmp_path / "stopped")


def again(run, words, *more):
    return train(parse([*words, *VALIDATION, *more, "--out", str(run)]))


DAMAGES = [
    *((name, damage) for name in REBUILT for damage in (b"", None)),
    *(("summary.json", text) for text in (b"{", b"{}", b"[1]", b"\xff")),
    ("model/model.safetensors", b"half"),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
@pytest.mark.filterwarnings("ignore:.*log.jsonl was cut or changed")
def test_results_are_written_again_from_the_last_checkpoint(run, words, capsys, name, damage):
    before = contents(run)
    if damage is None:
        (run / name).unlink()
    else:
        (run / name).write_bytes(damage)
    again(run, words)
    said = capsys.readouterr().out
    assert name in said or damage is None
    assert "written again from the last checkpoint" in said
    after = contents(run)
    if name == "summary.json":
        old, new = (json.loads(content.pop(name)) for content in (before, after))
        assert old.pop("sha256") != new.pop("sha256")
        for changing in ("environment", "cost", "files"):
            assert old.pop(changing).keys() == new.pop(changing).keys()
        assert old == new
    assert after == before
    again(run, words)
    assert "finished already" in capsys.readouterr().out


def _a_digit_more(text):
    return text.replace('"epochs": 3', '"epochs": 13', 1)


def test_a_summary_that_says_something_else_is_refused_by_whoever_reads_it(run, tmp_path):
    file = run / "summary.json"
    changed = _a_digit_more(file.read_text())
    assert changed != file.read_text()
    file.write_text(changed)
    copy = tmp_path / "copy.json"
    copy.write_text(changed)
    for read in (
        lambda: evaluate(run, split="test"),
        lambda: sd.compare([run, copy]),
        lambda: sd.compare([copy]),
        lambda: sd.Run(run).summary,
        lambda: write_report([run], tmp_path / "report", title="x"),
    ):
        with pytest.raises(ValueError, match=r"(summary|copy)\.json.* has changed since it was"):
            read()


def test_a_summary_without_its_hash_is_an_older_one(run):
    file = run / "summary.json"
    values = json.loads(file.read_text())
    del values["sha256"]
    file.write_text(json.dumps(values))
    assert sd.Run(run).summary == values


def test_a_run_finished_already_is_rid_of_what_a_killed_process_left(run, words):
    (run / ".new-abcd1234").write_bytes(b"half")
    again(run, words)
    assert not list(run.glob(".new-*"))


@pytest.mark.parametrize("name", ["summary.json", "model/model.safetensors"])
def test_what_cannot_be_written_again_is_refused(run, words, name):
    shutil.rmtree(run / "checkpoints")
    (run / name).write_text("")
    with pytest.raises(UnusableCheckpoint, match=rf"{name} .*holds no checkpoint.*--overwrite"):
        again(run, words)


def test_a_run_whose_checkpoints_were_removed_is_finished_all_the_same(run, words, capsys):
    shutil.rmtree(run / "checkpoints")
    again(run, words)
    assert "finished already" in capsys.readouterr().out


def test_lost_test_predictions_are_written_again(run, words):
    evaluate(run, split="test")
    summary = json.loads((run / "summary.json").read_text())
    logits = (run / "predictions.npz").read_bytes()
    assert summary["files"]["predictions.npz"].startswith("sha256:")
    (run / "predictions.npz").write_bytes(b"half")
    again(run, words)
    assert (run / "predictions.npz").read_bytes() == logits
    (run / "predictions.npz").unlink()
    evaluate(run, split="test")
    assert json.loads((run / "summary.json").read_text()) == summary


@pytest.mark.parametrize("damage", [None, b"", b"{}", "flip"])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_best_model_damaged_before_the_run_ended_is_named(
    unfinished, finished, words, name, damage
):
    file = unfinished / "model-best-validation" / name
    content = file.read_bytes()
    if damage is None:
        file.unlink()
    else:
        flipped = content[:-1] + bytes([content[-1] ^ 1])
        file.write_bytes(flipped if damage == "flip" else damage)
    with pytest.warns(UserWarning, match=rf"model-best-validation/{name} .*: restore it from"):
        again(unfinished, words)
    summary, whole = (json.loads((p / "summary.json").read_text()) for p in (unfinished, finished))
    best = f"model-best-validation/{name}"
    assert summary["files"][best].startswith("sha256:")
    assert summary["files"].keys() == whole["files"].keys()
    file.write_bytes(content)
    again(unfinished, words)  # what was restored is the run's own: no warning


def test_the_best_model_of_an_epoch_that_is_repeated_is_no_damage(unfinished, words):
    (unfinished / "model-best-validation" / "config.json").write_text("{}")
    file = max((unfinished / "checkpoints").glob("*.pt"))
    state = torch.load(file, weights_only=True)
    state["best"] = {"accuracy": -1.0, "epoch": 0}
    checkpoint.save(file.parent, int(file.stem), state)
    again(unfinished, words)


def test_a_lost_best_model_is_named(run, words):
    shutil.rmtree(run / "model-best-validation")
    with pytest.warns(UserWarning, match=r"model-best-validation.* is missing: restore it from"):
        again(run, words)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("recipe.yaml", None),
        ("recipe.yaml", "other"),
        ("recipe.yaml", b""),
        ("summary.json", None),
        ("summary.json", b"{"),
        ("place.yaml", b""),
        ("attachments/attachments.safetensors", None),
        ("attachments/attachments.safetensors", "flip"),
        ("model/model.safetensors", "flip"),
        ("model/model.safetensors", None),
    ],
)
def test_evaluation_names_what_is_damaged(run, name, damage):
    file = run / name
    if damage is None:
        file.unlink()
    elif damage == "flip":
        content = bytearray(file.read_bytes())
        content[-40] ^= 0x40
        file.write_bytes(content)
    elif damage == "other":
        recipe = yaml.safe_load(file.read_text())
        recipe["method"]["init_args"]["temperature"] = 4.0
        file.write_text(yaml.safe_dump(recipe))
    else:
        file.write_bytes(damage)
    with pytest.raises(ValueError, match=name) as caught:
        evaluate(run, split=None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["--init", "--method.teacher"])
@pytest.mark.parametrize("damage", ["flip", "nan"])
def test_weights_to_start_from_are_looked_at(run, words, tmp_path, option, damage):
    file = run / "model" / "model.safetensors"
    weights = load_file(file)
    name = next(name for name, value in weights.items() if value.is_floating_point())
    weights[name].view(-1)[0] = float("nan") if damage == "nan" else 7.0
    save_file(weights, file)
    start = run
    if damage == "nan":  # outside of a run nobody knows a hash
        start = shutil.copytree(run / "model", tmp_path / "copied")
    method = ["--method", "KD"] if option == "--method.teacher" else []
    with pytest.raises(ValueError, match="not finite" if damage == "nan" else "has changed"):
        train(
            parse(
                [*words, *VALIDATION, *method, option, str(start), "--out", str(tmp_path / "new")]
            )
        )
    assert not (tmp_path / "new").exists()


def test_lost_checkpoints_are_no_fresh_start(unfinished, words):
    shutil.rmtree(unfinished / "checkpoints")
    with pytest.raises(UnusableCheckpoint, match=r"log\.jsonl tells of epochs: .*--overwrite"):
        again(unfinished, words)


def test_a_run_that_never_saved_begins_anew(words, tmp_path, monkeypatch):
    def fail(folder, step, state):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", fail)
    with pytest.raises(KeyboardInterrupt):
        train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))
    assert (tmp_path / "log.jsonl").read_bytes().count(b"\n") == 2
    monkeypatch.undo()
    train(parse([*words, "--epochs", "2", "--out", str(tmp_path)]))
    assert len(json.loads((tmp_path / "summary.json").read_text())["curve"]["epoch"]) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "changed", "garbage"])
def test_a_log_that_lost_lines_gets_them_back(unfinished, finished, words, damage):
    log = unfinished / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    assert len(lines) == 2
    if damage == "gone":
        log.unlink()
    else:
        changed = lines[0].replace(b'"epoch": 1', b'"epoch": 1, "loss": 0.0')
        contents = {"cut": lines[0], "empty": b"", "changed": changed, "garbage": b"\xff\n"}
        log.write_bytes(contents[damage])
    with pytest.warns(UserWarning, match=r"log\.jsonl was cut or changed: its 2 lines are written"):
        again(unfinished, words)
    assert log.read_bytes().splitlines(keepends=True)[:2] == lines
    curves = [
        json.loads((run / "summary.json").read_text())["curve"] for run in (unfinished, finished)
    ]
    assert curves[0] == curves[1]


def older(run):
    """Turn checkpoints into those of a version that knew neither recipe nor logs."""
    for file in (run / "checkpoints").glob("*.pt"):
        state = torch.load(file, weights_only=True)
        del state["recipe"], state["logs"]
        checkpoint.save(file.parent, int(file.stem), state)


def test_checkpoints_of_older_versions_are_gone_on_from(unfinished, finished, words):
    older(unfinished)
    again(unfinished, words)
    weights = "model/model.safetensors"
    assert contents(unfinished, [weights]) == contents(finished, [weights])


@pytest.mark.parametrize("content", [b"", b"\xff\n"])
def test_an_older_run_whose_log_lost_lines_is_refused(unfinished, words, content):
    older(unfinished)
    (unfinished / "log.jsonl").write_bytes(content)
    with pytest.raises(UnusableCheckpoint, match=r"log\.jsonl lacks lines"):
        again(unfinished, words)


def test_a_checkpoint_of_another_recipe_is_refused_field_by_field(unfinished, words):
    recipe = yaml.safe_load((unfinished / "recipe.yaml").read_text())
    (unfinished / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "epochs": 9}))
    with pytest.raises(UnusableCheckpoint, match=r"another recipe \(epochs: 3 there, 9 now\)"):
        again(unfinished, words, "--epochs", "9")


@pytest.mark.parametrize("which", ["finished", "unfinished"])
def test_a_lost_recipe_lets_no_other_one_in(run, unfinished, words, which):
    path = {"finished": run, "unfinished": unfinished}[which]
    (path / "recipe.yaml").unlink()
    before = contents(path)
    with pytest.raises(ValueError, match=r"recipe\.yaml is missing"):
        again(path, words, "--seed", "9")
    assert contents(path) == before


def test_nothing_is_saved_once_the_lock_is_gone(words, tmp_path, monkeypatch):
    step = TrainState.train_step

    def unlocked(self, epoch):
        step(self, epoch)
        (tmp_path / "run" / ".lock").unlink(missing_ok=True)

    monkeypatch.setattr(TrainState, "train_step", unlocked)
    with pytest.raises(Locked, match="removed while this process held it"):
        again(tmp_path / "run", words, "--checkpoint-seconds", "0")
    assert not list((tmp_path / "run" / "checkpoints").glob("*.pt"))


def test_a_start_that_fails_leaves_no_folder(words, tmp_path):
    with pytest.raises(ValueError, match="batch size 5000"):
        again(tmp_path / "new", words, "--batch-size", "5000")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_forgotten_once_the_run_goes_on(unfinished, words):
    (unfinished / "failure.json").write_text('{"epoch": 3, "lr": 1.0}')
    again(unfinished, words)
    assert not (unfinished / "failure.json").exists()


@pytest.mark.parametrize(
    ("seconds", "kept"), [("0", "is from before"), ("60", "no checkpoint was")]
)
def test_a_run_that_is_not_finite_says_what_is_kept(words, tmp_path, monkeypatch, seconds, kept):
    step = TrainState.train_step

    def spoil(self, epoch):
        if self.steps_done == 2:
            next(self.method.parameters()).data.fill_(float("nan"))
        step(self, epoch)

    monkeypatch.setattr(TrainState, "train_step", spoil)
    with pytest.raises(NonFinite, match=kept):
        again(tmp_path, words, "--checkpoint-seconds", seconds)


def test_a_stopped_run_keeps_its_recipe_as_it_was(unfinished, words):
    file = unfinished / "recipe.yaml"
    file.write_text(f"# my notes\n{file.read_text()}")
    with pytest.raises(Stopped):
        again(unfinished, words, "--stop-after", "0")
    assert file.read_text().startswith("# my notes")
