"""Which optimizers and schedules are offered, what they count, and when they end."""

import pytest

from selfdistill import cli
from selfdistill.config import parse
from selfdistill.config.registry import CLASSES
from selfdistill.methods import CrossEntropy
from selfdistill.runs import RunDirectory
from selfdistill.testing import TinyBackbone
from selfdistill.training import checkpoint, train
from selfdistill.training.optimizer import (
    build_optimizer,
    build_schedule,
    check_stepping,
    counts_steps,
)

STEPS = 5
PER_STEP = {
    "OneCycleLR": ("--schedule.max-lr", "0.1"),
    "CyclicLR": ("--schedule.base-lr", "0.01", "--schedule.max-lr", "0.1"),
}
NEEDED = {
    **PER_STEP,
    "StepLR": ("--schedule.step-size", "3"),
    "MultiStepLR": ("--schedule.milestones", "[3]"),
    "ExponentialLR": ("--schedule.gamma", "0.9"),
    "CosineAnnealingWarmRestarts": ("--schedule.T-0", "3"),
}
UNITS = {  # what is counted, and the option that follows --epochs where it is not given
    "StepLR": ("epoch", None),
    "MultiStepLR": ("epoch", None),
    "ConstantLR": ("epoch", None),
    "LinearLR": ("epoch", "total_iters"),
    "ExponentialLR": ("epoch", None),
    "PolynomialLR": ("epoch", "total_iters"),
    "CosineAnnealingLR": ("epoch", "T_max"),
    "CosineAnnealingWarmRestarts": ("epoch", None),
    "CyclicLR": ("step", None),
    "OneCycleLR": ("step", "total_steps"),
}


def made(*words, name, scale="1"):
    given = ["--config", "digits", "--schedule", name, "--backbone-lr-scale", scale]
    recipe = parse([*given, *NEEDED.get(name, ()), *words]).ingredients
    check_stepping(recipe, STEPS)
    optimizer = build_optimizer(CrossEntropy(TinyBackbone(num_classes=10)), recipe)
    return optimizer, build_schedule(optimizer, recipe, STEPS)


def test_the_table_names_every_schedule():
    assert UNITS.keys() == CLASSES["schedule"].keys()


@pytest.mark.parametrize("name", UNITS)
def test_a_schedule_counts_its_unit_and_ends_with_training(name):
    unit, end = UNITS[name]
    _, schedule = made("--epochs", "12", "--warmup-epochs", "0", name=name)
    assert counts_steps(schedule) == (unit == "step")
    if end is not None:
        assert getattr(schedule, end) == (12 if unit == "epoch" else 12 * STEPS)
        words = ["--config", "digits", "--schedule", name, *NEEDED.get(name, ())]
        assert parse(words).recipe.values["schedule"]["init_args"].get(end) is None


@pytest.mark.parametrize("name", ["PolynomialLR", "LinearLR"])
def test_an_end_that_is_given_counts(name):
    words = ("--warmup-epochs", "0", "--schedule.total-iters", "4")
    assert made(*words, name=name)[1].total_iters == 4


@pytest.mark.parametrize(
    ("group", "name"),
    [
        *(("schedule", name) for name in ("ReduceLROnPlateau", "LambdaLR", "MultiplicativeLR")),
        *(("schedule", name) for name in ("SequentialLR", "ChainedScheduler")),
        *(("optimizer", name) for name in ("LBFGS", "SparseAdam")),
    ],
)
def test_what_cannot_step_alone_is_not_offered(group, name):
    assert name not in CLASSES[group]
    with pytest.raises(ValueError, match=f"--{group} {name}: no such {group}"):
        parse(["--config", "digits", f"--{group}", name])


@pytest.mark.parametrize("name", PER_STEP)
def test_schedules_of_one_rate_refuse_a_slower_network(name):
    with pytest.raises(ValueError, match=rf"backbone_lr_scale=0\.1 is undone by {name}"):
        made(name=name, scale="0.1")
    optimizer, _ = made(name=name, scale="1")
    assert len(optimizer.param_groups) == 1


def test_other_schedules_keep_the_network_slower():
    optimizer, _ = made(name="CosineAnnealingLR", scale="0.1")
    fast, slow = (group["lr"] for group in optimizer.param_groups)
    assert slow == pytest.approx(0.1 * fast)


@pytest.mark.parametrize("name", PER_STEP)
def test_a_schedule_that_rises_by_itself_has_no_warm_up(name):
    words = ["--config", "digits", "--schedule", name, *NEEDED[name]]
    assert parse(words).ingredients.warmup_epochs == 0
    with pytest.raises(ValueError, match=f"warmup_epochs=2: {name} raises the learning rate"):
        made("--warmup-epochs", "2", name=name)


@pytest.mark.parametrize(
    "words",
    [
        ("--schedule.epochs", "12", "--schedule.steps-per-epoch", "6"),
        ("--schedule.epochs", "10", "--schedule.steps-per-epoch", "5"),
        ("--schedule.total-steps", "12"),
    ],
)
def test_a_cycle_of_another_length_is_refused(words):
    with pytest.raises(ValueError, match="this run takes 12 epochs of 5 steps; leave it out"):
        made("--epochs", "12", *words, name="OneCycleLR")
    same = ("--schedule.epochs", "12", "--schedule.steps-per-epoch", "5")
    assert made("--epochs", "12", *same, name="OneCycleLR")[1].total_steps == 60


MISTAKES = {
    "--schedule StepLR --schedule.step_size 0": "--schedule cannot work with its options: ",
    "--schedule OneCycleLR --schedule.max_lr 1 --schedule.pct_start 3": "--schedule cannot work",
    "--schedule CosineAnnealingWarmRestarts --schedule.T_0 0": "--schedule cannot work with",
    "--schedule PolynomialLR --schedule.total_iters 0": "--schedule cannot work with its options",
    "--schedule torch.optim.lr_scheduler.ReduceLROnPlateau": "--schedule cannot work with",
    "--schedule CyclicLR --schedule.base_lr 1 --schedule.max_lr 2 --optimizer Adagrad": "--sche",
    "--schedule.last_epoch 3": "--schedule.last-epoch: a run knows where it stands; leave it out",
    "--optimizer.lr -1": "--optimizer cannot work with its options: Invalid learning rate",
    "--optimizer Adam --optimizer.capturable --optimizer.foreach true": "--optimizer cannot work",
    "--optimizer Adam --optimizer.fused true --optimizer.foreach true": "--optimizer cannot work",
    "--optimizer.nesterov --optimizer.momentum 0": "--optimizer cannot work with its options: Nest",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_impossible_options_are_one_line_before_anything_is_written(line, tmp_path, capsys):
    words = ["train", "--config=digits", "--backbone.width=4", f"--out={tmp_path / 'run'}"]
    assert cli.main([*words, *line.split()]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"selfdistill: {MISTAKES[line]}")
    assert said.count("\n") == 1
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_one_cycle_goes_through_its_cycle_and_resumes_in_the_middle(words, tmp_path, monkeypatch):
    where = words.index("--warmup-epochs")
    words = [*words[:where], *words[where + 2 :]]
    words += ["--method=CrossEntropy", "--schedule=OneCycleLR", "--schedule.max-lr=0.1"]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(parse([*words, f"--out={whole}"]))
    rates = [line["lr"] for line in RunDirectory(whole).read_log()]
    assert max(rates) > 0.05
    assert rates[-1] < 0.001
    saved = checkpoint.save

    def save_and_die(folder, step, state):
        saved(folder, step, state)
        if step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(parse([*words, f"--out={stopped}", "--checkpoint-seconds=0"]))
    monkeypatch.undo()
    train(parse([*words, f"--out={stopped}"]))
    weights = [(run / "model" / "model.safetensors").read_bytes() for run in (whole, stopped)]
    assert weights[0] == weights[1]
    assert [line["lr"] for line in RunDirectory(stopped).read_log()] == rates
