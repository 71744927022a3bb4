"""Digits, 32 images a step: attention must not starve an exit, however sharp it starts."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from selfdistill.backbones import create_backbone
from selfdistill.data import Digits
from selfdistill.losses import cross_entropy
from selfdistill.methods import SKDSAM
from selfdistill.methods.base import Output
from selfdistill.testing import TinyBackbone

CHANCE = 0.1
SHARP = {"zero_start": False, "attention_temperature": 0.1}


class Starving(SKDSAM):
    """Weighs the exits' labels by the attention too, as one must not."""

    def __init__(self, backbone, **options):
        super().__init__(backbone, **options)
        self.exits.register_forward_hook(self._keep)

    def _keep(self, exits, features, outputs):
        self.seen = [z for _, z in outputs]

    def _attend(self, features):
        self.alpha = super()._attend(features)
        return self.alpha

    def forward(self, images, labels):
        terms, logits = super().forward(images, labels)
        losses = torch.stack([cross_entropy(z, labels) for z in self.seen], 1)
        weighed = losses.shape[1] * self.alpha.detach() * losses
        terms["exit_labels"] = self.exit_weight * self.label_share * weighed.mean(0).sum()
        return Output(terms, logits)


def train(method, *, seed, steps):
    """Accuracy of each shallow exit on unseen digits, and the largest mean share."""
    torch.manual_seed(seed)
    splits = Digits(train_per_class=20, test_per_class=50).splits()
    mean, std = (torch.tensor(figure).view(3, 1, 1) for figure in (splits.mean, splits.std))
    factor = 32 // method.backbone.input_size[1]
    train, test = (
        avg_pool2d((split.images / 255 - mean) / std, factor)
        for split in (splits.train, splits.test)
    )
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for _ in range(steps):
        rows = torch.randint(len(train), (32,))
        optimizer.zero_grad()
        method(train[rows], splits.train.labels[rows]).loss.backward()
        optimizer.step()
    with torch.no_grad():
        exits, attention = method.eval().inspect(test)
    correct = {name: logits.argmax(1) == splits.test.labels for name, logits in exits.items()}
    accuracies = [c.float().mean().item() for name, c in correct.items() if name.startswith("exit")]
    return accuracies, attention.mean(0).max().item()


def four_stages(method, **options):
    return method(TinyBackbone((8, 16, 16, 32), num_classes=10), **options)


def test_no_exit_starves():
    accuracies, largest_share = train(four_stages(SKDSAM, **SHARP), seed=0, steps=100)
    assert min(accuracies) >= 6 * CHANCE
    assert largest_share <= 0.98


def test_weighing_the_exits_labels_would_starve_one():
    accuracies, _ = train(four_stages(Starving, **SHARP), seed=0, steps=100)
    assert min(accuracies) < 6 * CHANCE


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_exit_starves_in_the_long_run(seed):
    small = SKDSAM(create_backbone("small", 10, width=8))
    for method in (small, four_stages(SKDSAM, **SHARP), four_stages(SKDSAM)):
        accuracies, largest_share = train(method, seed=seed, steps=200)
        assert min(accuracies) >= 3 * CHANCE
        assert largest_share <= 0.98
    starved, _ = train(four_stages(Starving, **SHARP), seed=seed, steps=200)
    assert min(starved) < 6 * CHANCE
