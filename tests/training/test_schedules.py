"""Which optimizers and schedules are offered, and which do not go with a slower network."""

import pytest

from selfdistill.methods import CrossEntropy
from selfdistill.testing import TinyBackbone
from selfdistill.training import parse
from selfdistill.training.choices import CLASSES
from selfdistill.training.optimizer import build_optimizer, build_schedule

PER_STEP = {
    "OneCycleLR": ("--schedule.max-lr", "0.1", "--schedule.total-steps", "9"),
    "CyclicLR": ("--schedule.base-lr", "0.01", "--schedule.max-lr", "0.1"),
}


def built(words, *, name, scale):
    given = ["--config", "digits", "--schedule", name, "--backbone-lr-scale", scale]
    recipe = parse([*given, "--warmup-epochs", "0", *words]).recipe
    method = CrossEntropy(TinyBackbone(num_classes=10))
    optimizer = build_optimizer(method, recipe)
    build_schedule(optimizer, recipe)
    return [group["lr"] for group in optimizer.param_groups]


@pytest.mark.parametrize(
    ("group", "name"), [("schedule", "ReduceLROnPlateau"), ("optimizer", "LBFGS")]
)
def test_what_cannot_step_alone_is_not_offered(group, name):
    assert name not in CLASSES[group]
    with pytest.raises(ValueError, match=f"--{group} {name}: no such {group}"):
        parse(["--config", "digits", f"--{group}", name])


@pytest.mark.parametrize("name", PER_STEP)
def test_schedules_of_one_rate_refuse_a_slower_network(name):
    words = PER_STEP[name]
    with pytest.raises(ValueError, match=rf"backbone_lr_scale=0\.1 is undone by {name}"):
        built(words, name=name, scale="0.1")
    assert len(built(words, name=name, scale="1")) == 1


def test_other_schedules_keep_the_network_slower():
    fast, slow = built((), name="CosineAnnealingLR", scale="0.1")
    assert slow == pytest.approx(0.1 * fast)
