"""Parts of a network that were frozen in evaluation mode by hand stay so in training."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import selfdistill as sd
from selfdistill.config import parse
from selfdistill.data import Digits
from selfdistill.training import building
from small_run import WORDS

DATA = Digits(train_per_class=5, test_per_class=4, validation_per_class=3)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()),
        nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)),
    )


def trained(module, tmp_path, **options):
    """Weights before and after a training of two epochs."""
    backbone = sd.Tapped(module, ["0", "1"], input_size=(3, 32, 32))
    before = {k: v.clone() for k, v in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    run = sd.train(
        config="digits",
        data=DATA,
        backbone=backbone,
        method=sd.BYOT,
        epochs=2,
        batch_size=16,
        out=tmp_path / "run",
        options={"warmup_epochs": 1, "precision": "fp32", "threads": 1, **options},
    )
    assert [part.training for part in module.modules()] == modes
    return before, load_file(run.path / "model" / "model.safetensors")


def moved(module, tmp_path):
    """Which of the network's two BatchNorms a training moved."""
    before, after = trained(module, tmp_path)
    names = [f"{number}.1.running_mean" for number in (0, 1)]
    return [not torch.equal(after[name], before[name]) for name in names]


def test_a_frozen_batchnorm_stays_frozen(tmp_path):
    module = network()
    module[0][1].eval()
    assert moved(module, tmp_path) == [False, True]


def test_a_network_that_was_loaded_for_prediction_is_trained(tmp_path):
    assert moved(network().eval(), tmp_path) == [True, True]


def test_frozen_weights_stay_to_the_bit_and_their_statistics_move(tmp_path):
    module = network()
    module[0].requires_grad_(False)
    before, after = trained(module, tmp_path, ema_decay=0.9)
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still == {name for name, _ in module[0].named_parameters(prefix="0")}


class Freezing(nn.Sequential):
    """A network that freezes a part of itself whenever it is put into training mode."""

    def train(self, mode=True):
        super().train(mode)
        self[0][1].eval()
        return self


@pytest.mark.parametrize("training", [True, False])
def test_a_network_may_freeze_parts_itself(tmp_path, training):
    assert moved(Freezing(*network()).train(training), tmp_path) == [False, True]


def test_a_method_may_freeze_parts_itself():
    def freezing(backbone):
        method = sd.BYOT(backbone)
        method.exits.eval()
        return method

    recipe = replace(parse(list(WORDS)).ingredients, method=freezing)
    method = building.build_method(recipe, recipe.data.splits())
    assert method.training
    assert all(part.training for part in method.backbone.modules())
    assert not any(part.training for part in method.exits.modules())
